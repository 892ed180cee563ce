#include "schema/json_time.h"

#include "base/clock.h"

int64_t json_time_us(const json_t *text)
{
    int64_t at_us = 0;
    if (!json_is_string(text) || !time_parse(str_of(json_string_value(text)), &at_us))
        return 0;
    return at_us;
}

json_t *json_time(int64_t at_us)
{
    char text[TIME_TEXT_SIZE];
    time_format(at_us, text);
    return json_string(text);
}
