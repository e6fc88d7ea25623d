/** @type {import('next').NextConfig} */
export default {
  // Loaded by Node and not bundled: what talks to the database.
  serverExternalPackages: ['pg', '@prisma/client', '@prisma/adapter-pg'],
  experimental: {
    // For ../http-service, which lies outside of this folder.
    externalDir: true,
    // An error of Prisma's quotes the line that it came from, which would be the whole bundle.
    serverMinification: false,
  },
  webpack(config) {
    // Imports name the file that Node would load; until it is built, that is a file of TypeScript.
    config.resolve.extensionAlias = { '.js': ['.ts', '.tsx', '.js'] }
    return config
  },
  // `npm run check` looks at both.
  typescript: { ignoreBuildErrors: true },
  eslint: { ignoreDuringBuilds: true },
}
