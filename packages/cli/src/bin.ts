#!/usr/bin/env node
import { run } from './run.js'
import { processTerminal } from './terminal.js'

const interrupt = new AbortController()
// The second Ctrl-C ends the process at once.
process.once('SIGINT', () => interrupt.abort())
process.exitCode = await run(process.argv.slice(2), processTerminal, interrupt.signal)
