import { openSession } from '../actions.js'

export default function Login() {
  return (
    <form action={openSession}>
      <h1>Log in</h1>
      <input name="email" type="email" required />
      <input name="password" type="password" required />
      <button type="submit">Log in</button>
    </form>
  )
}
