'use strict'

// One side of a raw udx-native stream, for bench/PeopleSwarm.Throughput.
// args: { mode: 'send'|'receive'|'ping'|'pong', streams }

const UDX = require('udx-native')
const { args, emit, read, main } = require('../harness/peer')
const { Meter, pump, sink, ping, pong } = require('./work')

main(async () => {
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const count = args.streams || 1
  const base = args.mode === 'send' || args.mode === 'ping' ? 1000 : 5000
  const streams = Array.from({ length: count }, (_, i) => udx.createStream(base + i))
  emit('ready', { port: socket.address().port, ids: streams.map((s) => s.id) })

  const start = await read('start')
  streams.forEach((stream, i) => stream.connect(socket, start.ids[i], start.port, '127.0.0.1'))
  const meter = new Meter()
  const each = { send: pump, receive: sink, ping, pong }[args.mode]
  const results = await Promise.all(streams.map((stream) => each(stream, start, meter)))
  const perStream = results.map((r) => r.seconds || 0)
  const total = meter.result()
  emit('done', { ...Object.assign({}, ...results), ...total, seconds: Math.max(...perStream) || total.seconds, perStream })
})
