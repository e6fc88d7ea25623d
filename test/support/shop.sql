-- The database whose report docs/doctor.md and README.md show: six tenant tables that a team made by hand, one of them well.
CREATE TABLE projects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text NOT NULL,
  UNIQUE (tenant_id, id));
CREATE TABLE tasks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, project_id uuid NOT NULL,
  title text NOT NULL, done boolean NOT NULL DEFAULT false, UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) ON DELETE CASCADE);
CREATE TABLE comments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, task_id uuid NOT NULL,
  text text NOT NULL, FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, id) ON DELETE CASCADE);
CREATE TABLE members (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, email text NOT NULL UNIQUE);
CREATE TABLE invoices (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, number integer NOT NULL,
  UNIQUE (tenant_id, number));
CREATE TABLE payments (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid, cents integer NOT NULL,
  invoice_id uuid NOT NULL REFERENCES invoices ON DELETE CASCADE);
CREATE INDEX ON comments (tenant_id, task_id);
CREATE INDEX ON payments (tenant_id, invoice_id);

DO $$
DECLARE
  protected text;
  own text := 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid';
BEGIN
  FOREACH protected IN ARRAY ARRAY['projects', 'tasks', 'comments', 'members', 'payments'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format('CREATE POLICY tenant_isolation ON %I USING (%s)', protected, own);
  END LOOP;
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
ALTER TABLE comments NO FORCE ROW LEVEL SECURITY;
ALTER POLICY tenant_isolation ON projects USING (
  tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid OR current_setting('app.support', true) = 'on');

CREATE VIEW open_tasks AS SELECT id, tenant_id, title FROM tasks WHERE NOT done;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks, comments, members, invoices, payments TO app_user;
GRANT SELECT ON open_tasks TO app_user;
