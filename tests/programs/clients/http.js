// node's http module without a timeout. Arguments: host port get|put.
'use strict';
const http = require('http');
const [host, port, mode] = process.argv.slice(2);

function fail(error) {
  console.log(`error: ${error.code} timeout=${error.code === 'ETIMEDOUT'} ${error.message}`);
  process.exit(3);
}

const request = http.request({ host, port, method: mode === 'get' ? 'GET' : 'PUT', agent: false }, (answer) => {
  let text = '';
  answer.on('data', (piece) => { text += piece; });
  answer.on('error', fail);
  answer.on('end', () => console.log('ok:', text.trim()));
});
request.on('error', fail);
request.end(mode === 'get' ? undefined : Buffer.alloc(32 << 20));
