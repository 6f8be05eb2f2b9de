/** Runs in a process of its own, whose environment names a software Vulkan driver: prints the diagnosis. */
import { diagnose } from '../../src/index.js'

console.log(JSON.stringify(await diagnose()))
