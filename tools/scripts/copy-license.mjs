// Copies the license and the notice into a package. Each package runs this before it is packed.
import { copyFile } from 'node:fs/promises'

for (const name of ['LICENSE', 'NOTICE']) await copyFile(new URL(`../../${name}`, import.meta.url), name)
