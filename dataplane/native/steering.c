#include "steering.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/hash.h, GOLDEN_RATIO_32: spreads the bits that differ over the word. */
#define GOLDEN_RATIO 0x61C88647

/* Where things are in the frame, which begins at its Ethernet header. */
#define ETHERTYPE 12
#define IP ETH_HLEN
#define IPV4_FRAGMENT (IP + 6)
#define IPV4_PROTOCOL (IP + 9)
#define IPV4_ADDRESSES (IP + 12)
#define IPV6_NEXT_HEADER (IP + 6)
#define IPV6_ADDRESSES (IP + 8)
#define IPV6_PORTS (IP + 40)
#define WORD 4

/* RFC 791 section 3.1: more fragments, and the fragment offset. */
#define IPV4_IS_FRAGMENT 0x3fff

/* What a load from the frame leaves its result in; it clobbers BPF_REG_1 to 5. */
#define LOADED BPF_REG_0
/* Where loads from the frame expect the argument of the program. */
#define CONTEXT BPF_REG_6
#define HASH BPF_REG_7
#define SPARE BPF_REG_8

#define INSTRUCTIONS 160

struct program {
	struct bpf_insn code[INSTRUCTIONS];
	uint32_t count;
};

static uint32_t emit(struct program *program, int code, uint32_t to, uint32_t from, uint32_t value)
{
	program->code[program->count] =
		(struct bpf_insn){.code = (uint8_t)code, .dst_reg = to & 0xfu, .src_reg = from & 0xfu, .imm = (int32_t)value};
	return program->count++;
}

/* Return: the place of the jump, for here() to say where to */
static uint32_t jump_if(struct program *program, int condition, uint32_t value)
{
	return emit(program, BPF_JMP | condition | BPF_K, LOADED, 0, value);
}

static void here(struct program *program, uint32_t jump)
{
	program->code[jump].off = (int16_t)(program->count - jump - 1);
}

/* Where the frame is too short, the program ends, with 0. */
static void load(struct program *program, int size, uint32_t at)
{
	emit(program, BPF_LD | BPF_ABS | size, 0, 0, at);
}

static void mix(struct program *program)
{
	emit(program, BPF_ALU | BPF_ADD | BPF_X, HASH, LOADED, 0);
	emit(program, BPF_ALU | BPF_MUL | BPF_K, HASH, 0, GOLDEN_RATIO);
	emit(program, BPF_ALU | BPF_MOV | BPF_X, SPARE, HASH, 0);
	emit(program, BPF_ALU | BPF_RSH | BPF_K, SPARE, 0, 15);
	emit(program, BPF_ALU | BPF_XOR | BPF_X, HASH, SPARE, 0);
}

static void mix_words(struct program *program, uint32_t at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		load(program, BPF_W, at + i * WORD);
		mix(program);
	}
}

static void finish(struct program *program)
{
	emit(program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, HASH, 0);
	emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* Ends the program unless the loaded protocol is one whose first 4 bytes are its ports. */
static void finish_without_ports(struct program *program)
{
	uint32_t tcp = jump_if(program, BPF_JEQ, IPPROTO_TCP);
	uint32_t udp = jump_if(program, BPF_JEQ, IPPROTO_UDP);

	finish(program);
	here(program, tcp);
	here(program, udp);
}

static void ipv4(struct program *program)
{
	mix_words(program, IPV4_ADDRESSES, 2);
	load(program, BPF_B, IPV4_PROTOCOL);
	mix(program);
	load(program, BPF_H, IPV4_FRAGMENT);
	uint32_t fragment = jump_if(program, BPF_JSET, IPV4_IS_FRAGMENT);
	load(program, BPF_B, IPV4_PROTOCOL);
	finish_without_ports(program);
	load(program, BPF_B, IP);
	emit(program, BPF_ALU | BPF_AND | BPF_K, LOADED, 0, 0xf);
	emit(program, BPF_ALU | BPF_MUL | BPF_K, LOADED, 0, WORD);
	emit(program, BPF_LD | BPF_IND | BPF_W, 0, LOADED, IP);
	mix(program);
	here(program, fragment);
	finish(program);
}

/* Behind an extension header no ports are looked for: all packets of a flow have the same ones. */
static void ipv6(struct program *program)
{
	mix_words(program, IPV6_ADDRESSES, 8);
	load(program, BPF_B, IPV6_NEXT_HEADER);
	mix(program);
	load(program, BPF_B, IPV6_NEXT_HEADER);
	finish_without_ports(program);
	mix_words(program, IPV6_PORTS, 1);
	finish(program);
}

static void write_program(struct program *program, uint32_t seed)
{
	emit(program, BPF_ALU64 | BPF_MOV | BPF_X, CONTEXT, BPF_REG_1, 0);
	emit(program, BPF_ALU | BPF_MOV | BPF_K, HASH, 0, seed);
	load(program, BPF_H, ETHERTYPE);
	uint32_t is_ipv4 = jump_if(program, BPF_JEQ, ETH_P_IP);
	uint32_t is_ipv6 = jump_if(program, BPF_JEQ, ETH_P_IPV6);
	mix_words(program, 0, 3);
	finish(program);
	here(program, is_ipv4);
	ipv4(program);
	here(program, is_ipv6);
	ipv6(program);
}

int steering_load(uint32_t seed)
{
	/* It calls no helper that asks for a licence; the kernel wants one named. */
	static const char LICENSE[] = "MIT";
	struct program program = {.count = 0};
	union bpf_attr attributes;

	write_program(&program, seed);
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insn_cnt = program.count;
	attributes.insns = (uintptr_t)program.code;
	attributes.license = (uintptr_t)LICENSE;
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
	return fd < 0 ? -errno : (int)fd;
}
