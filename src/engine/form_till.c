/* Bodies and replies of the till. The members of its report are the columns of the CSV too. */
#include "base.h"
#include "engine/form.h"

static const char *const kinds[] = {"pay_in", "pay_out", "drop", NULL};
static const char *const statuses[] = {"open", "closed", NULL};

const struct field form_shift_open[] = {
    {.name = "opening_float", .kind = K_MONEY, .def = "0", .summary = "Cash in the drawer"},
    {.name = "branch_id", .kind = K_TEXT, .max = 64, .summary = "The user's own by default"},
    {.name = "till", .kind = K_TEXT, .max = 64,
     .summary = "Name of the drawer; in a branch one shift has it at a time"},
    {NULL},
};

const struct field form_shift_movement[] = {
    {.name = "kind", .kind = K_ENUM, .flags = F_REQUIRED, .values = kinds,
     .summary = "pay_in adds to the drawer; pay_out and drop (to the safe) take from it"},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1, .max = MONEY_MAX},
    {.name = "reason", .kind = K_TEXT, .flags = F_REQUIRED, .min = 1, .max = 500},
    {NULL},
};

const struct field form_shift_close[] = {
    {.name = "counted_cash", .kind = K_MONEY,
     .summary = "What is in the drawer; may be left out where denominations say it"},
    {.name = "denominations", .kind = K_ROWS, .max = 50, .ref = "ShiftCoin", .def = "[]"},
    {.name = "note", .kind = K_TEXT, .max = 500},
    {NULL},
};

const struct field form_shift_coin[] = {
    {.name = "value", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1, .max = MONEY_MAX},
    {.name = "count", .kind = K_INT, .flags = F_REQUIRED, .max = 1000000},
    {NULL},
};

#define SUM(label)                                                                                 \
    .name = label, .kind = K_MONEY, .flags = F_REQUIRED, .min = -MONEY_MAX, .def = "0"
#define NUMBER(label) .name = label, .kind = K_INT, .flags = F_REQUIRED, .def = "0"

const struct field form_shift_report[] = {
    {.name = "shift_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "shift_number", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "status", .kind = K_ENUM, .flags = F_REQUIRED, .values = statuses,
     .summary = "open: an X report; closed: the Z report, which stays as it is"},
    {.name = "z_number", .kind = K_INT, .summary = "Without gaps in a branch; null in an X report"},
    {.name = "branch_id", .kind = K_TEXT},
    {.name = "till", .kind = K_TEXT},
    {.name = "user_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "opened_by", .kind = K_TEXT},
    {.name = "opened_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "day", .kind = K_DAY},
    {.name = "as_of", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "closed_at", .kind = K_INSTANT},
    {.name = "closed_by", .kind = K_TEXT},
    {NUMBER("sales_count"), .summary = "Without cancelled ones"},
    {SUM("sales_total"), .summary = "As they were sold, paid or not; what came back is not off"},
    {SUM("discount")},
    {SUM("tax")},
    {SUM("tax_included"), .summary = "What prices contained; a part of the total"},
    {.name = "methods", .kind = K_ROWS, .flags = F_REQUIRED,
     .summary = "{method, received, refunded, net, payments, refunds} of each that was used"},
    {NUMBER("payments_count")},
    {SUM("payments_total"), .summary = "By all methods, for sales of this shift or before"},
    {NUMBER("refunds_count")},
    {SUM("refunds_total")},
    {SUM("opening_float")},
    {SUM("cash_received")},
    {SUM("cash_refunded")},
    {SUM("pay_ins")},
    {SUM("pay_outs")},
    {SUM("drops")},
    {SUM("expected_cash"),
     .summary = "opening_float + cash_received - cash_refunded + pay_ins - pay_outs - drops"},
    {.name = "counted_cash", .kind = K_MONEY, .summary = "null in an X report"},
    {.name = "variance", .kind = K_MONEY, .min = -MONEY_MAX,
     .summary = "counted_cash - expected_cash"},
    {.name = "denominations", .kind = K_ROWS, .def = "[]"},
    {.name = "note", .kind = K_TEXT},
    {NULL},
};
