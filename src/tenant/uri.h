/* Which database addresses may be given for a tenant by whoever administers it.
 *
 * An address can name more than a server: files of ours as certificates, a socket of this machine,
 * options that switch off TLS checks or acknowledgements. What is not on the list is refused.
 */
#ifndef ERP_TENANT_URI_H
#define ERP_TENANT_URI_H

#include "core/err.h"

/* False, with ERR_VALIDATION naming the option or kind of host but never the URI, when `uri` does
 * not parse, or holds an option that is not allowed, a socket path or a link-local address. Names
 * are not resolved: the service's network rules guard what they lead to. */
bool uri_allowed(const char *uri, struct err *err);

#endif
