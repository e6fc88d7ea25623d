import { prisma } from '../server.js'
import { action } from '../tenant.js'
import { createProject } from './actions.js'

const listProjects = action(() =>
  prisma.project.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 50 }),
)

/** The projects of the company at this address, for who works there. */
export default async function Page({ searchParams }: { readonly searchParams: Promise<{ taken?: string }> }) {
  const projects = await listProjects()
  const { taken } = await searchParams
  return (
    <main>
      <h1>Projects</h1>
      <form action={createProject}>
        <input name="name" required />
        <button type="submit">Create</button>
      </form>
      {taken !== undefined && <p role="alert">There is a project {taken} already.</p>}
      <ul>
        {projects.map(({ id, name }) => (
          <li key={id} id={id}>
            {name}
          </li>
        ))}
      </ul>
    </main>
  )
}
