/**
 * ARP for IPv4 over Ethernet (RFC 826), as functions over the arena: `at` is the offset behind the Ethernet header.
 *
 *   0       2       4   5   6       8               14          18              24          28
 *  ┌───────┬───────┬───┬───┬───────┬───────────────┬───────────┬───────────────┬───────────┐
 *  │ hrd 1 │ 0800  │ 6 │ 4 │ op    │ sender MAC    │ sender IP │ target MAC    │ target IP │
 *  └───────┴───────┴───┴───┴───────┴───────────────┴───────────┴───────────────┴───────────┘
 *
 * IPv4 addresses are unsigned 32-bit numbers in host order.
 */
import type { MacAddress } from '../address.ts';
import { copyMac, ETHERTYPE_IPV4, readMac, writeMac } from './ethernet.ts';

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
/** Where the sender's MAC address stands. */
export const ARP_SENDER_MAC = 8;
const SENDER_MAC = ARP_SENDER_MAC;
const SENDER_IP = 14;
const TARGET_MAC = 18;
const TARGET_IP = 24;

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const ARP_SIZE = 28;

// RFC 826, "Packet format" and "Definitions"; hardware types at IANA "ARP parameters".
const HARDWARE_ETHERNET = 1;
const MAC_LENGTH = 6;
const IPV4_LENGTH = 4;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export function readArpOperation(view: DataView, at: number): number {
  return view.getUint16(at + OPERATION);
}
export function readArpSenderMac(view: DataView, at: number): MacAddress {
  return readMac(view, at + SENDER_MAC);
}
export function readArpSenderIp(view: DataView, at: number): number {
  return view.getUint32(at + SENDER_IP);
}
export function readArpTargetMac(view: DataView, at: number): MacAddress {
  return readMac(view, at + TARGET_MAC);
}
export function readArpTargetIp(view: DataView, at: number): number {
  return view.getUint32(at + TARGET_IP);
}

// The addresses as signed words (address-index.ts), for which the heap is not needed.

export function readArpSenderIpWord(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_IP);
}
export function readArpTargetIpWord(view: DataView, at: number): number {
  return view.getInt32(at + TARGET_IP);
}

/** Writes the five fields that are the same in every packet for IPv4 over Ethernet, and the operation. */
export function writeArpHeader(view: DataView, at: number, operation: number): void {
  view.setUint16(at + HARDWARE_TYPE, HARDWARE_ETHERNET);
  view.setUint16(at + PROTOCOL_TYPE, ETHERTYPE_IPV4);
  view.setUint8(at + HARDWARE_LENGTH, MAC_LENGTH);
  view.setUint8(at + PROTOCOL_LENGTH, IPV4_LENGTH);
  view.setUint16(at + OPERATION, operation);
}
/** The sender or the target: its address at `mac` in the arena, which is an argument that costs nothing. */
export function copyArpStation(
  view: DataView,
  at: number,
  who: 'sender' | 'target',
  mac: number,
  ip: number,
): void {
  copyMac(view, mac, at + (who === 'sender' ? SENDER_MAC : TARGET_MAC));
  view.setUint32(at + (who === 'sender' ? SENDER_IP : TARGET_IP), ip);
}
export function writeArpSender(view: DataView, at: number, mac: MacAddress, ip: number): void {
  writeMac(view, at + SENDER_MAC, mac);
  view.setUint32(at + SENDER_IP, ip);
}
export function writeArpTarget(view: DataView, at: number, mac: MacAddress, ip: number): void {
  writeMac(view, at + TARGET_MAC, mac);
  view.setUint32(at + TARGET_IP, ip);
}

/** Whether `length` bytes at `at` hold an ARP packet for IPv4 over Ethernet; bytes behind it are padding. */
export function isValidArp(view: DataView, at: number, length: number): boolean {
  return (
    length >= ARP_SIZE &&
    view.getUint16(at + HARDWARE_TYPE) === HARDWARE_ETHERNET &&
    view.getUint16(at + PROTOCOL_TYPE) === ETHERTYPE_IPV4 &&
    view.getUint8(at + HARDWARE_LENGTH) === MAC_LENGTH &&
    view.getUint8(at + PROTOCOL_LENGTH) === IPV4_LENGTH
  );
}
