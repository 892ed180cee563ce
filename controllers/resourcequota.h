/* controllers/resourcequota.h: what each ResourceQuota's status says is used. The counting is
 * quota/'s. */
#pragma once

struct controller;
extern const struct controller resourcequota_controller;
