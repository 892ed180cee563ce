/* apiserver/meter.h: counting requests, under upstream's metric names. */
#pragma once
#include "apiserver/request.h"

void meter_request(const struct request *request, unsigned code);
