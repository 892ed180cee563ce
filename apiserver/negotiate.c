#include "apiserver/negotiate.h"

#include "base/str.h"

static const char *header(const struct request *request, const char *name)
{
    return request->http ? MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name) : NULL;
}

bool negotiate(struct request *request, unsigned offers, struct error *err)
{
    struct accept *accept = &request->accept;
    if (!accept_parse(header(request, "Accept"), offers, accept, err))
        return false;
    if (request->http && accept_pretty(route_arg(&request->route, "pretty"),
                                       header(request, MHD_HTTP_HEADER_USER_AGENT)))
        accept->pretty = true;
    return true;
}

/* Upstream writes what nothing fits as JSON for people. */
void negotiate_error(struct request *request)
{
    CLEANUP(error_clear) struct error ignored = {0};
    if (!negotiate(request, 0, &ignored))
        request->accept = (struct accept){.pretty = request->http != NULL};
}
