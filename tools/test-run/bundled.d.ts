/** The path of a bundle of a program. Vitest makes it: see `bundles.ts`. */
declare module '*?bundled' {
  const path: string
  export default path
}
