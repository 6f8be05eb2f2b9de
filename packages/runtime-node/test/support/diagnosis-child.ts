/** Prints the diagnosis. Runs in its own process, whose environment names a software Vulkan driver. */
import { diagnose } from '../../src/index.js'

console.log(JSON.stringify(await diagnose()))
