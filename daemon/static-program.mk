# Rules for a static program of C, included by its Makefile, which names PROGRAM and SOURCES: `make` -> build/$(PROGRAM).

CFLAGS := -std=gnu17 -D_GNU_SOURCE -Os -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror -fstack-protector-strong -D_FORTIFY_SOURCE=2 -MMD -MP

all: build/$(PROGRAM)

build/$(PROGRAM): $(SOURCES:%.c=build/%.o)
	$(CC) -static $(LDFLAGS) -o $@ $^

build/%.o: %.c Makefile ../../static-program.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

clean:
	rm -rf build

-include $(SOURCES:%.c=build/%.d)

.PHONY: all clean
