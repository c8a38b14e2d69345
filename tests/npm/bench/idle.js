'use strict'

// Opens connections that do nothing, and tells what memory they take.

const WARM_UP = 20 // made before the first look at the memory
const DIAL_PAUSE = 4000 // the listener looks while the dialler pauses
const LISTEN_PAUSE = 1000
const SETTLE = 3000

exports.dial = async function dial (node, publicKey, { connections }) {
  const kept = []
  await open(WARM_UP)
  await wait(DIAL_PAUSE / 2)
  const before = memory()
  await wait(DIAL_PAUSE / 2)
  await open(connections)
  await wait(SETTLE)
  return { connections, memory: memory() - before, kept: kept.length }

  async function open (count) {
    for (; count > 0; count--) {
      const stream = node.connect(publicKey)
      kept.push(stream)
      await new Promise((resolve, reject) => { stream.on('open', resolve); stream.on('error', reject) })
    }
  }
}

/** `accepted` is a list that connections are added to as they come. */
exports.listen = async function listen (accepted, { connections }) {
  await until(() => accepted.length >= WARM_UP)
  await wait(LISTEN_PAUSE)
  const before = memory()
  await until(() => accepted.length >= WARM_UP + connections)
  await wait(SETTLE)
  return { connections, memory: memory() - before }
}

function memory () {
  if (!global.gc) throw new Error('Run with --expose-gc.')
  global.gc()
  return process.memoryUsage.rss()
}

async function until (condition) {
  while (!condition()) await wait(10)
}

function wait (ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
