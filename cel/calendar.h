/* cel/calendar.h: dates of the civil calendar. Internal to cel/. */
#pragma once
#include <stdint.h>

struct cel_civil {
    int64_t year, month, day; /* from 1 */
    int64_t hour, minute, second;
    int64_t weekday; /* 0: Sunday */
    int64_t yearday; /* from 0 */
};

/* Days since 1970-01-01. */
int64_t cel_days(int64_t year, int64_t month, int64_t day);
struct cel_civil cel_civil_of(int64_t seconds);
