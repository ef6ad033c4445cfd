'use strict';
// Preloaded (node --require), it makes clients that know nothing of TLS connect with Node's `tls`:
// net.connect returns a TLS socket that trusts the authority in COMET_TEST_CA. What is written
// before the handshake has ended waits for it, in Node.

const fs = require('fs');
const net = require('net');
const tls = require('tls');

const ca = fs.readFileSync(process.env.COMET_TEST_CA);
const plainConnect = net.connect;

net.connect = options => {
  const socket = tls.connect({ ...options, ca, socket: plainConnect({ host: options.host, port: options.port }) });
  // The clients wait for the connection of a plain socket.
  socket.once('secureConnect', () => {
    console.error(`TLS ${socket.getProtocol()} to ${options.host}:${options.port}, ` +
      `authorized: ${socket.authorized}`);
    socket.emit('connect');
  });
  return socket;
};
