/* The process handle: settings, board, caches and the table, built once. */
#ifndef ERP_APP_H
#define ERP_APP_H

#include "http/req.h"

/* Loads the settings and builds everything; `need_secrets` false only builds what the tables need
 * (--routes, --openapi). False when a setting is wrong or the board cannot be opened: one line
 * has been printed then. */
bool app_init(struct app *app, bool need_secrets);
void app_release(struct app *app);

#endif
