#ifndef WEFT_CNI_JSON_H
#define WEFT_CNI_JSON_H

#include <stddef.h>

/*
 * The text of a string member of the outermost object of a JSON document, without parsing the rest. The shim needs two of
 * them, and whatever it does not find it leaves to the daemon, which parses all of it.
 *
 * Returns the length, or -1 if there is no such member, its value is no string, or has an escape or more than `size` - 1
 * bytes. `value` is terminated by NUL.
 */
int json_member(const char *text, size_t length, const char *name, char *value, size_t size);

/* The same for a member that is an object: where it begins and how long it is, braces included; NULL if there is none. */
const char *json_object(const char *text, size_t length, const char *name, size_t *found);

/* Writes `text` as the inside of a JSON string to `out`, terminated by NUL; what does not fit is cut. */
void json_escape(const char *text, char *out, size_t size);

#endif
