// A browser's SIP library (JsSIP) with a WebSocket that Node's `ws` provides: registers, prints the first line of all that it
// gets, and leaves when its standard input says so. There is no WebRTC in Node, so it has no sound and answers no call.
const [url, user, password] = process.argv.slice(2);
const WebSocket = require('ws');
const JsSIP = require('jssip');

globalThis.window = globalThis;
globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.on('message', (data) => console.log('got', String(data).split('\r\n')[0]));
  }
};

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: `sip:${user}@${new URL(url).hostname}`,
  authorization_user: user,
  password,
  register_expires: 120,
});
for (const event of ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed']) {
  ua.on(event, (detail) => console.log(event, detail?.response?.status_code ?? ''));
}
ua.start();
process.stdin.on('data', (line) => {
  if (String(line).trim() === 'leave') ua.stop();
});
