import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Where systems install Redis or Valkey. The variable `REDIS_SERVER_PATH` names another place. */
const candidates = [
  process.env.REDIS_SERVER_PATH,
  '/usr/bin/redis-server',
  '/usr/local/bin/redis-server',
  '/opt/homebrew/bin/redis-server',
  '/usr/bin/valkey-server',
]

/** Path of the installed server; undefined without one. */
export const redisPath = candidates.find((path) => path && existsSync(path))
if (!redisPath) {
  console.warn('redis-server was not found: tests that need one are skipped. Set REDIS_SERVER_PATH.')
}

/** A server that a test has for itself. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Ends the process: SIGTERM saves the data, SIGKILL loses what came after the last save. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it again, with the same port and what was saved. */
  start(): Promise<void>
}

/** Starts a server on a free port, with its default persistence, in a temporary folder. */
export async function startRedis(...flags: string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async stop(signal) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
    async start() {
      const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, ...flags]
      child = spawn(redisPath as string, args, { stdio: 'ignore' })
      while (!(await answers(port))) {
        if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}.`)
        await setTimeout(10)
      }
    },
    async [Symbol.asyncDispose]() {
      await server.stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether the server takes commands: it also listens while it reads its data. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write('PING\r\n')
    const [answer] = await once(socket, 'data')
    return /^(\+PONG|-NOAUTH)/.test(String(answer))
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
