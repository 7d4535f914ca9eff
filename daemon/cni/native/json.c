#include "json.h"

#include <stdio.h>
#include <string.h>

/* The end of the string that begins after `at`, which is behind its opening quote; `length` if it does not end. */
static size_t string_end(const char *text, size_t length, size_t at)
{
	while (at < length && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	return at < length ? at : length;
}

static size_t skip_space(const char *text, size_t length, size_t at)
{
	while (at < length && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
		at++;
	return at;
}

static int copy_value(const char *text, size_t from, size_t to, char *value, size_t size)
{
	size_t length = to - from;

	if (length >= size || memchr(text + from, '\\', length) != NULL)
		return -1;
	memcpy(value, text + from, length);
	value[length] = '\0';
	return (int)length;
}

/* Where the value of a member of the outermost object begins; `length` if there is no such member. */
static size_t find_value(const char *text, size_t length, const char *name)
{
	int depth = 0;

	for (size_t at = 0; at < length; at++) {
		char c = text[at];

		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (c != '"')
			continue;

		size_t begin = at + 1;
		size_t end = string_end(text, length, begin);
		size_t colon = skip_space(text, length, end + 1);

		at = end;
		if (depth != 1 || colon >= length || text[colon] != ':')
			continue;
		if (end - begin == strlen(name) && memcmp(text + begin, name, end - begin) == 0)
			return skip_space(text, length, colon + 1);
	}
	return length;
}

int json_member(const char *text, size_t length, const char *name, char *value, size_t size)
{
	size_t quote = find_value(text, length, name);

	if (quote >= length || text[quote] != '"')
		return -1;
	size_t close = string_end(text, length, quote + 1);

	return close < length ? copy_value(text, quote + 1, close, value, size) : -1;
}

const char *json_object(const char *text, size_t length, const char *name, size_t *found)
{
	size_t begin = find_value(text, length, name);
	int depth = 0;

	if (begin >= length || text[begin] != '{')
		return NULL;
	for (size_t at = begin; at < length; at++) {
		if (text[at] == '"')
			at = string_end(text, length, at + 1);
		else if (text[at] == '{' || text[at] == '[')
			depth++;
		else if ((text[at] == '}' || text[at] == ']') && --depth == 0) {
			*found = at + 1 - begin;
			return text + begin;
		}
	}
	return NULL;
}

void json_escape(const char *text, char *out, size_t size)
{
	size_t at = 0;

	for (; *text != '\0' && at + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < 0x20) {
			at += (size_t)snprintf(out + at, size - at, "\\u%04x", c);
		} else {
			out[at++] = (char)c;
		}
	}
	out[at] = '\0';
}
