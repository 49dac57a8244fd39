/* What is added up of sales: texts for stages of the database, of which reports and the sums of
 * days (trade/sales_days.h) are made. A member of a sum has the name of what it is the sum of;
 * $$unit is sales_unit's. */
#ifndef ERP_TRADE_SALES_FIGURES_H
#define ERP_TRADE_SALES_FIGURES_H

#include "trade/sale.h"

/* What is left of a line after returns; `line` is the path of the line. */
#define LEFT_OF(line)                                                                              \
    "{\"$subtract\": [\"" line ".quantity\","                                                      \
    " {\"$ifNull\": [\"" line "." SALE_RETURNED "\", 0]}]}"

/* Those that the business is without: what is left of a line, and what came back broken. */
#define OUT_OF(line)                                                                               \
    "{\"$add\": [" LEFT_OF(line) ", {\"$ifNull\": [\"" line "." SALE_DISCARDED "\", 0]}]}"

#define ITEMS "{\"$ifNull\": [\"$items\", []]}"

#define SUM_OF(name, of) "\"" name "\": {\"$sum\": " of "}"
/* The sum of a member that is a sum, or a sale's, already. */
#define SUM_AS(name, member) SUM_OF(name, "\"$" member "\"")

#define TAXES_OF(record)                                                                           \
    "{\"$add\": [{\"$ifNull\": [\"" record "tax\", 0]},"                                           \
    " {\"$ifNull\": [\"" record "tax_included\", 0]}]}"

/* The tax of what came back of a line. $$unit: minor units in one. Amounts are decimals, so half of
 * a minor unit is exact. */
#define TAXES_BACK_OF(line)                                                                        \
    "{\"$cond\": [{\"$gt\": [\"" line "." SALE_RETURNED "\", 0]},"                                 \
    " {\"$divide\": [{\"$floor\": {\"$add\": [0.5, {\"$divide\":"                                  \
    " [{\"$multiply\": [" TAXES_OF(line ".") ", \"$$unit\", \"" line "." SALE_RETURNED "\"]},"     \
    " \"" line ".quantity\"]}]}}, \"$$unit\"]}, 0]}"

#define TAXES_OF_SALE                                                                              \
    "{\"$subtract\": [" TAXES_OF("$") ", {\"$sum\": {\"$map\": {\"input\": " ITEMS ","             \
    " \"as\": \"i\", \"in\": " TAXES_BACK_OF("$$i") "}}}]}"

#define ITEMS_OF_SALE                                                                              \
    "{\"$sum\": {\"$map\": {\"input\": " ITEMS ", \"as\": \"i\", \"in\": " LEFT_OF("$$i") "}}}"

#define COST_OF_SALE                                                                               \
    "{\"$sum\": {\"$map\": {\"input\": " ITEMS ", \"as\": \"i\","                                  \
    " \"in\": {\"$multiply\": [{\"$ifNull\": [\"$$i.unit_cost\", 0]}, " OUT_OF("$$i") "]}}}}"

#define WITHOUT_COST_OF_SALE                                                                       \
    "{\"$size\": {\"$filter\": {\"input\": " ITEMS ", \"as\": \"i\","                              \
    " \"cond\": {\"$lte\": [\"$$i.unit_cost\", null]}}}}"

/* What was paid, but not by store credit. */
#define MONEY_OF_SALE                                                                              \
    "{\"$subtract\": [\"$amount_paid\", {\"$ifNull\": [\"$" SALE_CREDIT "\", 0]}]}"

/* All that a day's sums have. */
#define FIGURES_OF_SALES                                                                           \
    SUM_OF("orders", "1") ", " SUM_AS("total", "total") ", " SUM_AS("subtotal", "subtotal") ", "   \
    SUM_AS("discount", "discount") ", " SUM_AS("tax", "tax") ", "                                  \
    SUM_OF("taxes", TAXES_OF_SALE) ", " SUM_OF("items_sold", ITEMS_OF_SALE) ", "                   \
    SUM_OF("cost_of_goods", COST_OF_SALE) ", " SUM_OF("items_without_cost", WITHOUT_COST_OF_SALE)  \
    ", " SUM_OF("payments_received", MONEY_OF_SALE)

#endif
