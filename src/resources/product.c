/* What a shop sells: price, stock and what its trade needs to know of an article. */
#include "base.h"
#include "trade/stock.h"
#include "engine/branches.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT, .summary = "As it stands on the receipt"},
    {"sku", K_TEXT, F_FILTER | F_UNIQUE | F_SEARCH, .max = 64, .summary = "Stock keeping unit"},
    {"category", K_TEXT, .summary = "Name of the category, as text"},
    {"category_id", K_REF, F_FILTER, .ref = "category"},
    {"price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE, .summary = "Price of one"},
    {"tax_rate", K_DECIMAL, .max = 100, .summary = "Percentage; null: that of the settings"},
    {"stock", K_INT, F_KEEP | F_SORT | F_RANGE, .min = -1000000, .max = 1000000000, .def = "0"},
    {"description", K_NOTE},
    {"supplier_name", K_TEXT},
    {"branch_id", K_REF, F_FILTER, .ref = "branch"},
    {"generic_name", K_TEXT, F_SEARCH, .summary = "Of a medicine"},
    {"brand", K_TEXT, F_SEARCH},
    {"brand_id", K_REF, F_FILTER, .ref = "brand"},
    {"batch_number", K_TEXT, .max = 64},
    {"expiry_date", K_DAY},
    {"imei", K_TEXT, F_FILTER | F_UNIQUE, .max = 32},
    {"serial_number", K_TEXT, F_FILTER | F_UNIQUE, .max = 64, .summary = "Of the one piece it is"},
    {"barcode", K_TEXT, F_FILTER | F_UNIQUE, .max = 64, .summary = "As the scanner reads it"},
    {"warranty_months", K_INT, .max = 1200},
    {"include_warranty_terms", K_BOOL, .def = "false"},
    {"warranty_terms", K_NOTE},
    {"branch_stock", K_OBJECT, F_READONLY | F_VIRTUAL, .def = "{}",
     .summary = "How many each branch has; one's own alone for users of a branch"},
    {"branch_sale_prices", K_OBJECT, F_READONLY | F_VIRTUAL, .def = "{}",
     .summary = "The prices of branches that have their own"},
    {NULL},
};

/* Pages of one branch are read by the engine's own index; this one is what operators' scripts of
 * earlier systems expect to find. */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "branch_id"}},
};

static void low_stock(bson_t *filter)
{
    bson_t child;

    bson_append_document_begin(filter, "stock", 5, &child);
    bson_append_int64(&child, "$lte", 4, 5);
    bson_append_document_end(filter, &child);
}

static const struct branch_value branch_values[] = {
    {"stock", "stock_quantity", "branch_stock", false},
    {"price", "sale_price", "branch_sale_prices", true},
    {NULL},
};

static const struct branch_view branches = {
    .through = "product_branch",
    .record = "product_id",
    .values = branch_values,
};

static const struct view views[] = {
    {"low-stock", "List products of which five or fewer are left", low_stock, "stock"},
};

const struct resource product_resource = {
    .noun = "product",
    .schema = "Product",
    .path = "/api/products",
    .collection = "products",
    .module = "catalogue",
    .branch_field = "branch_id",
    .branches = &branches,
    .ops = OP_ALL,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 1,
    .views = views,
    .n_views = ARRAY_LEN(views),
    .derive = stock_mark,
    .written = stock_product_written,
    .journal = "stock_movement",
    .summary = "products",
};
