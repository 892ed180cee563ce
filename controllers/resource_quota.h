/* controllers/resource_quota.h: status of ResourceQuotas: what is used, of what is allowed. Limits
 * hold without it (quota/). */
#pragma once
#include "controllers/controller.h"

extern const struct controller resource_quota_controller;
