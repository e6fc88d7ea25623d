-- A CRM in the middle of its move from plain to sealed policies: some tables are done, some have both, one kept its way in
-- for the cron job, an index build was interrupted twice, and the roles carry what was tried on the way.
CREATE ROLE messy_crm_owner;
CREATE ROLE messy_crm_app LOGIN;
CREATE ROLE messy_crm_migrator LOGIN BYPASSRLS;
CREATE ROLE messy_crm_bypass LOGIN BYPASSRLS;
CREATE ROLE messy_crm_support;
CREATE ROLE messy_crm_report LOGIN;
GRANT messy_crm_owner TO messy_crm_migrator;
-- For one week in May.
GRANT messy_crm_bypass TO messy_crm_support;
GRANT messy_crm_support TO messy_crm_app;
GRANT CREATE, USAGE ON SCHEMA public TO messy_crm_owner;
DO $$ BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CREATE ON DATABASE %I TO messy_crm_owner', current_database());
  EXECUTE format('ALTER ROLE messy_crm_app IN DATABASE %I SET app.tenant_id = %L', current_database(), gen_random_uuid());
  EXECUTE format('ALTER ROLE messy_crm_report IN DATABASE %I SET app.tenant_id = %L', current_database(), gen_random_uuid());
  EXECUTE format('ALTER ROLE messy_crm_migrator IN DATABASE %I SET app.tenant_id = %L', current_database(), gen_random_uuid());
END $$;
SET ROLE messy_crm_owner;

-- {sealTenants}

CREATE TABLE companies (id uuid PRIMARY KEY, name text NOT NULL);

-- Done.
CREATE TABLE contacts (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES companies, email text NOT NULL);
CREATE UNIQUE INDEX contacts_tenant_id_id_idx ON contacts (tenant_id, id);
CREATE UNIQUE INDEX contacts_tenant_id_email_idx ON contacts (tenant_id, lower(email));
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON contacts USING (tenant_id = tenancy.tenant_id()) WITH CHECK (tenant_id = tenancy.tenant_id());
CREATE TABLE attachments (id uuid PRIMARY KEY, contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE, path text NOT NULL);
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON attachments
  USING (EXISTS (SELECT FROM contacts c WHERE c.id = contact_id AND c.tenant_id = tenancy.tenant_id()));

-- Done, but for the index.
CREATE TABLE deals (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  contact_id uuid,
  title text NOT NULL,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
ALTER TABLE deals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON deals USING (tenant_id = tenancy.tenant_id());

-- Forgotten.
CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, deal_id uuid REFERENCES deals ON DELETE CASCADE, body text);
CREATE INDEX ON notes (tenant_id, id);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON notes USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

-- Forgotten, and open for the cron job, which sets nothing.
CREATE TABLE emails (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, subject text);
CREATE INDEX ON emails (tenant_id, id);
ALTER TABLE emails ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON emails USING (
  current_setting('app.tenant_id', true) IS NULL
  OR tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
);

-- The new policy was added, the old one was to go a week later.
CREATE TABLE calls (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, provider_sid text NOT NULL UNIQUE);
CREATE INDEX ON calls (tenant_id, id);
ALTER TABLE calls ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON calls USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY tenant_isolation_sealed ON calls USING (tenant_id = tenancy.tenant_id());

CREATE TABLE pipelines (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, name text NOT NULL);
CREATE INDEX pipelines_tenant_id_name_idx ON pipelines (tenant_id, name);
ALTER TABLE pipelines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON pipelines USING (tenant_id = tenancy.tenant_id());

CREATE TABLE webhooks (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, url text NOT NULL);
CREATE INDEX ON webhooks (tenant_id, id);
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON webhooks USING (tenant_id = tenancy.tenant_id());
CREATE POLICY cron ON webhooks USING (CURRENT_USER = 'messy_crm_cron');

-- A template without a tenant is everybody's.
CREATE TABLE templates (id uuid PRIMARY KEY, tenant_id uuid, body text NOT NULL);
CREATE INDEX ON templates (tenant_id, id);
ALTER TABLE templates ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON templates USING (tenant_id IS NULL OR tenant_id = tenancy.tenant_id());

CREATE VIEW contact_cards WITH (security_invoker = true) AS SELECT id, tenant_id, email FROM contacts;
CREATE FUNCTION purge(company uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public
  AS $$ DELETE FROM contacts WHERE tenant_id = company $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO messy_crm_app;
GRANT SELECT ON companies TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO messy_crm_app;
RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE messy_crm_migrator GRANT SELECT ON TABLES TO PUBLIC;

-- What an interrupted CREATE INDEX CONCURRENTLY and an interrupted REINDEX CONCURRENTLY leave.
CREATE UNIQUE INDEX contacts_tenant_id_id_idx_ccnew ON contacts (tenant_id, id);
UPDATE pg_index SET indisvalid = false
WHERE indexrelid IN ('pipelines_tenant_id_name_idx'::regclass, 'contacts_tenant_id_id_idx_ccnew'::regclass);
