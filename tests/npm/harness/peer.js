'use strict'

// The script's side of NodePeer.cs: one JSON object a line, events out on stdout, commands in on stdin.
// Nothing else may write to stdout; console.log goes to stderr here, which a failing test shows.

const readline = require('readline')
const { createHash } = require('crypto')

console.log = console.error

/** The JSON object the test passed. */
exports.args = JSON.parse(process.argv[2] || '{}')

/** Tells the test about something; Buffers become hexadecimal text. */
exports.emit = function emit (event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }, replacer) + '\n')
}

const handlers = new Map()
const waiting = new Map()
const unread = new Map()

/** Calls `handler(command)` for each `{"command":name,…}` the test sends. What it throws fails the script. */
exports.on = function on (name, handler) {
  handlers.set(name, handler)
  for (const command of unread.get(name) || []) run(handler, command)
  unread.delete(name)
}

/** The next `{"command":name,…}`, including one that came earlier and that nobody took. */
exports.read = function read (name) {
  const early = unread.get(name)
  if (early && early.length) return Promise.resolve(early.shift())
  return new Promise((resolve) => {
    if (!waiting.has(name)) waiting.set(name, [])
    waiting.get(name).push(resolve)
  })
}

/** Runs the script's body, an async function; an error ends the process with code 1 and its stack on stderr. */
exports.main = function main (body) {
  Promise.resolve().then(body).catch(fail)
}

/** SHA-256 of a buffer, or of many, as hexadecimal text. */
exports.sha256 = function sha256 (...buffers) {
  const hash = createHash('sha256')
  for (const buffer of buffers) hash.update(buffer)
  return hash.digest('hex')
}

/** The same pseudo-random bytes as TestBytes.cs makes for a seed: xorshift32, little-endian words. */
exports.bytes = function bytes (seed, length) {
  const words = new Uint32Array(Math.ceil(length / 4))
  let x = (seed ^ 0x9e3779b9) >>> 0 || 1
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x >>> 0
  }
  return Buffer.from(words.buffer, 0, length)
}

readline.createInterface({ input: process.stdin, terminal: false })
  .on('line', (line) => { if (line !== '') take(JSON.parse(line)) })
  .on('close', () => process.exit(0)) // the test is gone, or done with us

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

function take (command) {
  const name = command.command
  const waiter = (waiting.get(name) || []).shift()
  if (waiter) return waiter(command)
  if (handlers.has(name)) return run(handlers.get(name), command)
  if (!unread.has(name)) unread.set(name, [])
  unread.get(name).push(command)
}

function run (handler, command) {
  exports.main(() => handler(command))
}

function fail (error) {
  console.error(error && error.stack ? error.stack : error)
  process.exit(1)
}

function replacer (key, value) {
  const raw = this[key] // before Buffer's own toJSON
  if (Buffer.isBuffer(raw) || raw instanceof Uint8Array) return Buffer.from(raw).toString('hex')
  return typeof raw === 'bigint' ? raw.toString() : value
}
