/* How a fuzz target says that something is wrong: libFuzzer keeps the input of a run that aborts. */
#ifndef WEFT_FUZZ_REQUIRE_H
#define WEFT_FUZZ_REQUIRE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition)                                                                       \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

/* libFuzzer's entry, which has no header of its own (https://llvm.org/docs/LibFuzzer.html). */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#endif
