/* apiserver/negotiate.h: what form a request's answer takes, by its headers and query. */
#pragma once
#include "apiserver/request.h"

/* Sets request->accept from what is offered (enum accept_offer). NOT_ACCEPTABLE in `err`. */
MUST_CHECK bool negotiate(struct request *request, unsigned offers, struct error *err);
/* The same for an answer that is an error, whatever was negotiated before: JSON when no form fits.
 */
void negotiate_error(struct request *request);
