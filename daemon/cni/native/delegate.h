#ifndef WEFT_CNI_DELEGATE_H
#define WEFT_CNI_DELEGATE_H

#include "call.h"

/*
 * Runs the plugin of this name, found in CNI_PATH, with the environment that we have and this standard input (CNI
 * specification 1.1.0, section 4). `command`: NULL, or what CNI_COMMAND is to be for it. Its output is appended to `output`.
 *
 * Returns its exit status, or -errno: -ENOENT when CNI_PATH has no such plugin.
 */
int delegate_run(const char *name, const char *command, const struct text *input, struct text *output);

#endif
