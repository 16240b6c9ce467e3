const server = require('node:http').createServer((_request, response) => response.end('node\n'));
server.listen(8888, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
