#include "spin.h"

#include <sched.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

void spin_init(struct spin *spin)
{
	cpu_set_t allowed;

	*spin = (struct spin){.possible = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) > 1,
			      .credit = SPIN_CREDIT_MAX_NS,
			      .credited = now()};
}

static void fill_credit(struct spin *spin, int64_t time)
{
	spin->credit += (time - spin->credited) / SPIN_SHARE;
	if (spin->credit > SPIN_CREDIT_MAX_NS)
		spin->credit = SPIN_CREDIT_MAX_NS;
	spin->credited = time;
}

int spin_wait(struct spin *spin, spin_look *look, void *context)
{
	if (!spin->possible || spin->streak < SPIN_STREAK)
		return 0;
	int64_t begun = now();
	int64_t time = begun;
	fill_credit(spin, begun);
	if (spin->credit < SPIN_NS || begun < spin->not_before)
		return 0;
	while (time - begun < SPIN_NS) {
		int found = look(context);
		if (found != 0)
			return found;
		sched_yield();
		int64_t after = now();
		if (after - time > SPIN_CROWDED_NS)
			spin->not_before = after + SPIN_PAUSE_NS;
		time = after;
	}
	spin->credit -= time - begun;
	return look(context);
}
