-- A helpdesk that wrote row-level security by hand two years ago: half the tables got it, FORCE was forgotten on some, and
-- the service logs in as the owner of everything.
CREATE ROLE messy_helpdesk LOGIN;
GRANT ALL ON SCHEMA public TO messy_helpdesk;
SET ROLE messy_helpdesk;

CREATE TABLE schema_migrations (version text PRIMARY KEY);
CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL DEFAULT false);
CREATE TABLE orgs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  subdomain text NOT NULL UNIQUE
);

-- 2024-03: the first table with a policy.
CREATE TABLE users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL REFERENCES orgs,
  email text NOT NULL UNIQUE,
  name text
);
CREATE INDEX users_org_id_idx ON users (org_id);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_org ON users USING (org_id = current_setting('app.current_org')::uuid);

CREATE TYPE ticket_state AS ENUM ('open', 'waiting', 'closed');
CREATE TABLE tickets (
  id bigserial PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES orgs,
  requester_id uuid REFERENCES users ON DELETE SET NULL,
  assignee_id uuid REFERENCES users,
  subject text NOT NULL,
  state ticket_state NOT NULL DEFAULT 'open',
  custom jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tickets_org_id_created_at_idx ON tickets (org_id, created_at);
CREATE INDEX tickets_state_idx ON tickets (state);
CREATE INDEX tickets_custom_idx ON tickets USING gin (custom);
ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY tickets_org ON tickets USING (org_id = nullif(current_setting('app.current_org', true), '')::uuid);

CREATE TABLE ticket_messages (
  id bigserial PRIMARY KEY,
  ticket_id bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
  body text NOT NULL
);

CREATE TABLE attachments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid,
  message_id bigint REFERENCES ticket_messages,
  path text NOT NULL UNIQUE
);

CREATE TABLE canned_replies (
  id serial PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES orgs,
  title text NOT NULL,
  body text NOT NULL,
  UNIQUE (org_id, title)
);
ALTER TABLE canned_replies ENABLE ROW LEVEL SECURITY;
CREATE POLICY canned_replies_org ON canned_replies USING (org_id = current_setting('app.current_org', true)::uuid);

-- The policy was merged, the ALTER TABLE was in the next pull request.
CREATE TABLE tags (
  id serial PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES orgs,
  name text NOT NULL,
  UNIQUE (org_id, name)
);
CREATE POLICY tags_org ON tags USING (org_id = nullif(current_setting('app.current_org', true), '')::uuid);

CREATE TABLE ticket_tags (
  ticket_id bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
  tag_id integer NOT NULL REFERENCES tags ON DELETE CASCADE,
  PRIMARY KEY (ticket_id, tag_id)
);

-- 'The service filters it anyway.'
CREATE TABLE audit_log (
  id bigserial PRIMARY KEY,
  org_id uuid NOT NULL,
  what jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_read ON audit_log USING (true);

-- Nobody ever wrote its policy, and nobody noticed: the feature is behind a flag.
CREATE TABLE sla_policies (
  org_id uuid NOT NULL REFERENCES orgs,
  level text NOT NULL,
  hours integer NOT NULL,
  PRIMARY KEY (org_id, level)
);
ALTER TABLE sla_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE sla_policies FORCE ROW LEVEL SECURITY;

CREATE VIEW team_directory AS SELECT org_id, name, email FROM users;
CREATE VIEW open_tickets AS SELECT * FROM tickets WHERE state = 'open';
CREATE FUNCTION close_stale() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public
  AS $$ UPDATE tickets SET state = 'closed' WHERE created_at < now() - interval '1 year' $$;
