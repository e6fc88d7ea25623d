import { makeAppRole, othersRows } from '../harm.js'
import type { RuleFixture } from '../rule-fixture.js'
import { ownRole } from '../world.js'

const app = ownRole('app')

const body = "$$SELECT tenant_id FROM public.projects WHERE name LIKE '%' || $1 || '%'$$"

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a function of a superuser, with a name that needs quotes, for everybody as PostgreSQL has it',
      sql: `CREATE FUNCTION "Search!"(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS ${body}`,
      object: '"public"."Search!"(text)',
      fixIs: 'person',
      probe: { sql: `SELECT tenant_id FROM "Search!"('')`, harm: othersRows },
    },
    {
      name: 'a procedure of the migrator, granted to the app role alone',
      sql: `CREATE PROCEDURE first_of(INOUT tenant_id uuid, name text) LANGUAGE sql SECURITY DEFINER
          AS $$SELECT p.tenant_id FROM public.projects p ORDER BY p.id LIMIT 1$$;
        ALTER PROCEDURE first_of(uuid, text) OWNER TO doctor_migrator; REVOKE ALL ON PROCEDURE first_of(uuid, text) FROM PUBLIC;
        GRANT EXECUTE ON PROCEDURE first_of(uuid, text) TO doctor_app`,
      object: '"public"."first_of"(INOUT tenant_id uuid, IN name text)',
      fixIs: 'person',
      probe: { sql: "CALL first_of(NULL, '')", harm: othersRows },
    },
    {
      name: 'a function of the owner, whom the policies of the table do not hold',
      sql: `ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
        CREATE FUNCTION search(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql SECURITY DEFINER AS ${body};
        ALTER FUNCTION search(text) OWNER TO doctor_owner`,
      object: '"public"."search"(text)',
      also: ['rls-not-forced'],
      fixIs: 'person',
      probe: { sql: "SELECT tenant_id FROM search('')", harm: othersRows },
    },
  ],
  nearMisses: [
    {
      name: 'a function of the app role itself, which may do without it what it does by it',
      sql: `${makeAppRole(app)} ALTER TABLE projects OWNER TO ${app}; ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
        CREATE FUNCTION search(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql SECURITY DEFINER AS ${body};
        ALTER FUNCTION search OWNER TO ${app}`,
      roles: [app],
      options: { appRole: app },
      also: ['app-role-owns', 'rls-not-forced'],
    },
    {
      name: 'a function that runs as its caller, with the words in a comment',
      sql: `CREATE FUNCTION search(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql AS ${body} -- SECURITY DEFINER
        ; COMMENT ON FUNCTION search IS 'SECURITY DEFINER'`,
    },
    {
      name: 'a function of the owner, whom the forced policies hold',
      sql: `CREATE FUNCTION search(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql SECURITY DEFINER AS ${body};
        ALTER FUNCTION search(text) OWNER TO doctor_owner`,
    },
    {
      name: 'a function that the app role may not call',
      sql: `CREATE FUNCTION search(text) RETURNS TABLE (tenant_id uuid) LANGUAGE sql SECURITY DEFINER AS ${body};
        REVOKE EXECUTE ON FUNCTION search(text) FROM PUBLIC`,
    },
    {
      name: 'the function of a trigger, which nobody calls',
      sql: `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN NEW; END$$;
        CREATE TRIGGER note AFTER UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION note()`,
    },
    {
      name: 'the function that answers which tenant is in scope',
      sql: `CREATE FUNCTION whose() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
        AS $$SELECT nullif(current_setting('app.tenant_id', true), '')::uuid$$`,
      options: { tenantFunctions: [{ schema: 'public', name: 'whose' }] },
    },
  ],
}
