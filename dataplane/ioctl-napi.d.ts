/** The package ships no types. */
declare module 'ioctl-napi' {
  /**
   * ioctl(2). `argument` is an integer, or a Buffer whose address is passed and which the kernel may fill: it must be as
   * large as the request says. Throws an Error whose `code` is the errno in decimal.
   */
  function ioctl(fd: number, request: number, argument: number | Buffer): number;
  export = ioctl;
}
