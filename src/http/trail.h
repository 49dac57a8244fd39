/* What people did to get in, and what they were refused, in the audit log.
 *
 * Entered once the client has its reply, so that it costs nobody time and a sign-in works while the
 * database of the business is away; what cannot be entered then is logged (audit_entry_lost).
 * Refusals are bounded, so that nobody fills a disk with them: TRAIL_PER_MINUTE a user, action and
 * worker; those beyond stand in the request log alone.
 */
#ifndef ERP_HTTP_TRAIL_H
#define ERP_HTTP_TRAIL_H

#include "http/req.h"

/* How a sign-in ended, by req->err. `user` (borrowed, may be NULL) is whom the email named. */
void trail_sign_in(struct req *req, const struct user *user);

/* What the signed-in user did with the account: "sign_out", … With req->err set it was refused. */
void trail_account(struct req *req, const char *action);

/* The gate or a handler forbade what the signed-in user asked for. Nothing when req->err is not of
 * that kind. */
void trail_refused(struct req *req);

#endif
