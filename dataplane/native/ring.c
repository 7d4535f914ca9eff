#include "ring.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The answer where a file cannot be told not to wait (no FMODE_NOWAIT), as TAPs of old kernels. Also ours for what was not submitted. */
#define REFUSED (-EOPNOTSUPP)

static int io_uring_setup(uint32_t entries, struct io_uring_params *params)
{
	return (int)syscall(__NR_io_uring_setup, entries, params);
}

static int io_uring_enter(int fd, uint32_t submit, uint32_t wait)
{
	return (int)syscall(__NR_io_uring_enter, fd, submit, wait, wait > 0 ? IORING_ENTER_GETEVENTS : 0u, NULL, (size_t)0);
}

/* ---- opening ---- */

static int map(struct ring *ring, const struct io_uring_params *params)
{
	size_t submissions = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t completions = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

	ring->rings_size = submissions > completions ? submissions : completions;
	ring->rings = mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			   IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED) {
		ring->rings = NULL;
		return -errno;
	}
	ring->entries_size = params->sq_entries * sizeof(struct io_uring_sqe);
	ring->entries = mmap(NULL, ring->entries_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			     IORING_OFF_SQES);
	if (ring->entries == MAP_FAILED) {
		ring->entries = NULL;
		return -errno;
	}
	return 0;
}

static uint32_t *word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)((uint8_t *)ring->rings + offset);
}

static void locate(struct ring *ring, const struct io_uring_params *params)
{
	uint32_t *order = word(ring, params->sq_off.array);

	ring->submit_tail = word(ring, params->sq_off.tail);
	ring->submit_mask = *word(ring, params->sq_off.ring_mask);
	ring->complete_head = word(ring, params->cq_off.head);
	ring->complete_tail = word(ring, params->cq_off.tail);
	ring->complete_mask = *word(ring, params->cq_off.ring_mask);
	ring->completions = (struct io_uring_cqe *)(void *)word(ring, params->cq_off.cqes);
	for (uint32_t i = 0; i < params->sq_entries; i++)
		order[i] = i;
}

/* Return: 0, or -EOPNOTSUPP when the kernel does not know a call that is needed here (before 5.6) */
static int ask_for_calls(int fd)
{
	static const uint8_t NEEDED[] = {IORING_OP_READ, IORING_OP_WRITEV, IORING_OP_SENDMSG};
	size_t size = sizeof(struct io_uring_probe) + IORING_OP_LAST * sizeof(struct io_uring_probe_op);
	struct io_uring_probe *probe = calloc(1, size);
	int result = 0;

	if (probe == NULL)
		return -ENOMEM;
	if (syscall(__NR_io_uring_register, fd, IORING_REGISTER_PROBE, probe, IORING_OP_LAST) < 0)
		result = REFUSED;
	for (size_t i = 0; i < sizeof(NEEDED) && result == 0; i++)
		if (NEEDED[i] > probe->last_op || !(probe->ops[NEEDED[i]].flags & IO_URING_OP_SUPPORTED))
			result = REFUSED;
	free(probe);
	return result;
}

static int set_up(struct ring *ring)
{
	struct io_uring_params params = {0};

	ring->fd = io_uring_setup(RING_CALLS, &params);
	if (ring->fd < 0)
		return -errno;
	if (!(params.features & IORING_FEAT_SINGLE_MMAP))
		return REFUSED;
	int error = map(ring, &params);
	if (error != 0)
		return error;
	locate(ring, &params);
	return ask_for_calls(ring->fd);
}

int ring_open(struct ring *ring, int injected_error)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	int error = injected_error != 0 ? -injected_error : set_up(ring);
	if (error != 0)
		ring_close(ring);
	return error;
}

void ring_close(struct ring *ring)
{
	if (ring->entries != NULL)
		munmap(ring->entries, ring->entries_size);
	if (ring->rings != NULL)
		munmap(ring->rings, ring->rings_size);
	if (ring->fd >= 0)
		close(ring->fd);
	ring->entries = NULL;
	ring->rings = NULL;
	ring->fd = -1;
}

/* ---- queueing ---- */

static struct io_uring_sqe *next_entry(struct ring *ring, uint8_t operation, int fd)
{
	struct io_uring_sqe *entry = &ring->entries[ring->tail++ & ring->submit_mask];

	memset(entry, 0, sizeof(*entry));
	entry->opcode = operation;
	entry->fd = fd;
	entry->user_data = ring->queued++;
	return entry;
}

void ring_read(struct ring *ring, int fd, void *bytes, uint32_t room)
{
	struct io_uring_sqe *entry = next_entry(ring, IORING_OP_READ, fd);

	entry->addr = (uintptr_t)bytes;
	entry->len = room;
	entry->rw_flags = RWF_NOWAIT;
}

struct iovec *ring_next_parts(struct ring *ring)
{
	return ring->parts + ring->parts_used;
}

uint8_t *ring_next_header(struct ring *ring)
{
	return ring->headers[ring->queued];
}

void ring_writev(struct ring *ring, int fd, uint32_t count)
{
	struct io_uring_sqe *entry = next_entry(ring, IORING_OP_WRITEV, fd);

	entry->addr = (uintptr_t)ring_next_parts(ring);
	entry->len = count;
	entry->rw_flags = RWF_NOWAIT;
	ring->parts_used += count;
}

void ring_sendmsg(struct ring *ring, int fd, const struct msghdr *header)
{
	struct io_uring_sqe *entry = next_entry(ring, IORING_OP_SENDMSG, fd);

	entry->addr = (uintptr_t)header;
	entry->len = 1;
	entry->msg_flags = MSG_DONTWAIT;
}

/* ---- running ---- */

static void give_up(struct ring *ring, int error)
{
	ring->error = error;
	ring_close(ring);
}

static uint32_t collect(struct ring *ring)
{
	uint32_t head = *ring->complete_head;
	uint32_t tail = __atomic_load_n(ring->complete_tail, __ATOMIC_ACQUIRE);
	uint32_t count = tail - head;

	for (; head != tail; head++) {
		const struct io_uring_cqe *completion = &ring->completions[head & ring->complete_mask];
		if (completion->user_data < RING_CALLS)
			ring->results[completion->user_data] = completion->res;
	}
	__atomic_store_n(ring->complete_head, head, __ATOMIC_RELEASE);
	return count;
}

/* Return: how many calls were submitted; fewer than `count` if the kernel takes no more, with its errno */
static uint32_t submit(struct ring *ring, uint32_t count, int *error)
{
	uint32_t done = 0;

	__atomic_store_n(ring->submit_tail, ring->tail, __ATOMIC_RELEASE);
	while (done < count) {
		int taken = io_uring_enter(ring->fd, count - done, 0);
		if (taken < 0 && errno == EINTR)
			continue;
		if (taken <= 0) {
			*error = taken < 0 ? errno : EIO;
			break;
		}
		done += (uint32_t)taken;
	}
	return done;
}

uint32_t ring_run(struct ring *ring)
{
	uint32_t count = ring->queued;
	int error = ring->injected_error;

	for (uint32_t i = 0; i < count; i++)
		ring->results[i] = REFUSED;
	ring->queued = 0;
	ring->parts_used = 0;
	uint32_t submitted = error != 0 ? 0 : submit(ring, count, &error);
	uint32_t ended = submitted > 0 ? collect(ring) : 0;
	/* Calls that may not wait have ended by now. Should one not have, its memory is the kernel's until it has. */
	while (ended < submitted) {
		io_uring_enter(ring->fd, 0, submitted - ended);
		ended += collect(ring);
	}
	if (error != 0)
		give_up(ring, error);
	return count;
}

bool ring_was_refused(struct ring *ring, int32_t result)
{
	if (result != REFUSED)
		return false;
	if (ring_is_usable(ring))
		give_up(ring, EOPNOTSUPP);
	return true;
}
