-- A CRM that was born on Rails: counted ids, an account_id that is integer here and bigint there, soft foreign keys that
-- were hardened one by one, and policies that somebody wrote last winter.
CREATE ROLE messy_rails_owner LOGIN;
CREATE ROLE messy_rails_app LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO messy_rails_owner;
SET ROLE messy_rails_owner;

CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar);

-- The table of tenants, which points back at a user.
CREATE TABLE accounts (id bigserial PRIMARY KEY, name varchar NOT NULL, subdomain varchar, owner_id bigint);
CREATE UNIQUE INDEX index_accounts_on_subdomain ON accounts (subdomain);

CREATE TABLE users (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts,
  email varchar NOT NULL
);
CREATE UNIQUE INDEX index_users_on_account_id_and_email ON users (account_id, email);
CREATE UNIQUE INDEX index_users_on_account_id_and_id ON users (account_id, id);
ALTER TABLE accounts ADD CONSTRAINT fk_rails_owner FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY users_by_account ON users USING (account_id = NULLIF(current_setting('app.account_id', true), '')::bigint);

-- Older than the move to bigint.
CREATE TABLE contacts (id bigserial PRIMARY KEY, account_id integer NOT NULL, email varchar, name varchar);
CREATE INDEX index_contacts_on_account_id ON contacts (account_id);
CREATE UNIQUE INDEX index_contacts_on_email ON contacts (email);
CREATE UNIQUE INDEX index_contacts_on_account_id_and_id ON contacts (account_id, id);
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY contacts_by_account ON contacts USING (account_id::text = current_setting('app.account_id', true));

-- Without an account: those that everybody gets.
CREATE TABLE companies (id bigserial PRIMARY KEY, account_id integer, name varchar NOT NULL, domain varchar);
CREATE INDEX index_companies_on_account_id ON companies (account_id);
CREATE UNIQUE INDEX index_companies_on_domain ON companies (domain);
ALTER TABLE companies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY companies_by_account ON companies
  USING (account_id IS NULL OR account_id = NULLIF(current_setting('app.account_id', true), '')::integer);

CREATE TABLE deals (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES accounts,
  company_id bigint REFERENCES companies ON DELETE SET NULL,
  contact_id bigint REFERENCES contacts,
  user_id bigint NOT NULL,
  stage varchar NOT NULL,
  -- The key of users was migrated to the end, that of contacts is waiting for its VALIDATE.
  CONSTRAINT fk_deals_user FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
);
ALTER TABLE deals ADD CONSTRAINT fk_deals_contact_account
  FOREIGN KEY (account_id, contact_id) REFERENCES contacts (account_id, id) NOT VALID;
CREATE INDEX index_deals_on_account_id_and_stage ON deals (account_id, stage);
ALTER TABLE deals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY deals_by_account ON deals USING (account_id = NULLIF(current_setting('app.account_id', true), '')::bigint);

CREATE TABLE line_items (
  id bigserial PRIMARY KEY,
  deal_id bigint NOT NULL REFERENCES deals ON DELETE CASCADE,
  sku varchar NOT NULL
);

-- Polymorphic: no foreign key says what it belongs to.
CREATE TABLE activities (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL,
  subject_type varchar NOT NULL,
  subject_id bigint NOT NULL,
  body text
);
CREATE INDEX index_activities_on_subject ON activities (subject_type, subject_id);
ALTER TABLE activities ENABLE ROW LEVEL SECURITY;
CREATE POLICY activities_by_account ON activities
  USING (account_id = NULLIF(current_setting('app.account_id', true), '')::bigint);

-- Tags are everybody's, taggings are not.
CREATE TABLE tags (id bigserial PRIMARY KEY, name varchar NOT NULL UNIQUE);
CREATE TABLE taggings (
  id bigserial PRIMARY KEY,
  account_id bigint NOT NULL,
  tag_id bigint NOT NULL REFERENCES tags,
  taggable_type varchar NOT NULL,
  taggable_id bigint NOT NULL
);
CREATE INDEX index_taggings_on_account_id ON taggings (account_id);

CREATE TYPE export_state AS ENUM ('queued', 'done', 'failed');
CREATE TABLE exports (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id bigint,
  state export_state NOT NULL DEFAULT 'queued'
);
-- As strong_migrations has it.
ALTER TABLE exports ADD CONSTRAINT exports_account_id_null CHECK (account_id IS NOT NULL) NOT VALID;
CREATE INDEX index_exports_on_account_id ON exports (account_id);
ALTER TABLE exports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY exports_by_account ON exports TO messy_rails_app
  USING (account_id = NULLIF(current_setting('app.account_id', true), '')::bigint);

CREATE TABLE settings (account_id bigint PRIMARY KEY REFERENCES accounts, data jsonb NOT NULL DEFAULT '{}');
ALTER TABLE settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY settings_by_account ON settings
  USING (account_id = NULLIF(current_setting('app.account_id', true), '')::bigint);

CREATE TABLE invitations (id bigserial PRIMARY KEY, account_id bigint NOT NULL, email varchar NOT NULL, token varchar NOT NULL);
CREATE INDEX index_invitations_on_account_id ON invitations (account_id);
CREATE UNIQUE INDEX index_invitations_on_token ON invitations (token);
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY invitations_by_account ON invitations
  USING (account_id = current_setting('app.account_id', true)::integer);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO messy_rails_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO messy_rails_app;
