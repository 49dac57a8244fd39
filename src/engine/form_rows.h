/* Rows that several forms have, for the files of the forms alone. */
#ifndef ERP_ENGINE_FORM_ROWS_H
#define ERP_ENGINE_FORM_ROWS_H

/* What a line of a cart may say besides what is sold, how much of it and for how much. */
#define ROWS_OF_LINE                                                                               \
    {.name = "unit_cost", .kind = K_MONEY, .summary = "Kept where the product's own is not known"},\
    {.name = "serial_number", .kind = K_TEXT, .max = 64},                                          \
    {.name = "custom_description", .kind = K_TEXT, .max = 500},                                    \
    {.name = "discount", .kind = K_MONEY, .def = "0", .summary = "Off this line, an amount"},      \
    {.name = "discount_percent", .kind = K_DECIMAL, .max = 100, .def = "0",                        \
     .summary = "Off this line, instead of an amount"}

#endif
