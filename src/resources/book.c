/* The books of a bookshop or stationer. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"title", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT, .max = 300},
    {"author", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"publisher", K_TEXT, F_REQUIRED | F_SEARCH},
    {"isbn", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 32},
    {"price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"stock", K_INT, F_REQUIRED | F_SORT | F_RANGE, .min = -1000000, .max = 1000000000},
    {"category", K_TEXT, F_REQUIRED | F_FILTER, .max = 100},
    {NULL},
};

const struct resource book_resource = {
    .noun = "book",
    .schema = "Book",
    .path = "/api/books",
    .collection = "books",
    .module = "books",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "books",
};
