'use strict'

// What the benchmark's peers do with a stream, whichever layer it is of.

const CHUNK = 64 * 1024

/** CPU and wall time from its creation. */
exports.Meter = class Meter {
  constructor () {
    this.cpu = process.cpuUsage()
    this.started = process.hrtime.bigint()
    this.bytes = 0
  }

  result () {
    const cpu = process.cpuUsage(this.cpu)
    return {
      bytes: this.bytes,
      seconds: Number(process.hrtime.bigint() - this.started) / 1e9,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      rss: process.memoryUsage.rss()
    }
  }
}

/** Writes `bytes` bytes and ends; resolves when the peer has ended too, which it does after the last byte. */
exports.pump = async function pump (stream, { bytes }, meter) {
  const chunk = Buffer.alloc(CHUNK, 7)
  const ended = end(stream)
  stream.resume()
  for (let left = bytes; left > 0; left -= CHUNK) {
    const part = left < CHUNK ? chunk.subarray(0, left) : chunk
    meter.bytes += part.length
    if (!stream.write(part)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end()
  await ended
  return {}
}

/** Reads to the end, ends in turn; tells the seconds from the first byte to the last. */
exports.sink = function sink (stream, start, meter) {
  return new Promise((resolve, reject) => {
    let first = 0n
    let bytes = 0
    stream.on('data', (data) => {
      if (first === 0n) first = process.hrtime.bigint()
      bytes += data.length
      meter.bytes += data.length
    })
    stream.on('end', () => {
      const seconds = Number(process.hrtime.bigint() - first) / 1e9
      stream.end()
      resolve({ seconds, bytes })
    })
    stream.on('error', reject)
  })
}

/** Sends 64 bytes and waits for them, `count` times; tells the percentiles in microseconds. */
exports.ping = async function ping (stream, { count }) {
  const message = Buffer.alloc(64, 9)
  const times = []
  let got = 0
  let wake = null
  stream.on('data', (data) => {
    got += data.length
    if (got >= 64) { got -= 64; wake() }
  })
  for (let i = 0; i < count; i++) {
    const t = process.hrtime.bigint()
    const answered = new Promise((resolve) => { wake = resolve })
    stream.write(message)
    await answered
    if (i >= count / 10) times.push(Number(process.hrtime.bigint() - t) / 1e3)
  }
  stream.end()
  times.sort((a, b) => a - b)
  return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] }
}

/** Sends back what comes. */
exports.pong = function pong (stream) {
  return new Promise((resolve, reject) => {
    stream.on('data', (data) => stream.write(data))
    stream.on('end', () => { stream.end(); resolve({}) })
    stream.on('error', reject)
  })
}

function end (stream) {
  return new Promise((resolve, reject) => {
    stream.on('end', resolve)
    stream.on('error', reject)
  })
}
