// Run by a package before it is packed: the licence and the notice travel with every package.
import { copyFile } from 'node:fs/promises'

for (const name of ['LICENSE', 'NOTICE']) await copyFile(new URL(`../${name}`, import.meta.url), name)
