-- A startup on a Supabase-like host: everything is granted to everybody and policies are to sort it out, the tenant comes
-- from the claims of a token, and SECURITY DEFINER helpers keep policies from asking themselves.
CREATE ROLE messy_host BYPASSRLS CREATEROLE;
CREATE ROLE messy_anon;
CREATE ROLE messy_authenticated;
CREATE ROLE messy_service BYPASSRLS;
CREATE ROLE messy_authenticator LOGIN NOINHERIT;
GRANT messy_anon, messy_authenticated, messy_service TO messy_authenticator;

CREATE SCHEMA auth AUTHORIZATION messy_host;
CREATE SCHEMA private AUTHORIZATION messy_host;
GRANT CREATE, USAGE ON SCHEMA public TO messy_host;
GRANT USAGE ON SCHEMA public, auth TO messy_anon, messy_authenticated, messy_service;
ALTER DEFAULT PRIVILEGES FOR ROLE messy_host IN SCHEMA public
  GRANT ALL ON TABLES TO messy_anon, messy_authenticated, messy_service;
SET ROLE messy_host;

CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE
  AS $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
-- The doctor is told of this one.
CREATE FUNCTION auth.org_id() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'org_id')::uuid $$;

CREATE TABLE public.countries (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE public.organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, slug text UNIQUE);
CREATE TABLE public.memberships (
  org_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  user_id uuid NOT NULL,
  role text NOT NULL DEFAULT 'member',
  PRIMARY KEY (org_id, user_id)
);
ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members see their memberships" ON public.memberships FOR SELECT TO messy_authenticated
  USING (user_id = auth.uid());
ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members see their organization" ON public.organizations FOR SELECT TO messy_authenticated
  USING (id IN (SELECT org_id FROM public.memberships WHERE user_id = auth.uid()));

CREATE FUNCTION public.is_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
  AS $$ SELECT EXISTS (SELECT FROM memberships WHERE org_id = org AND user_id = auth.uid()) $$;

CREATE TABLE public.projects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  name text NOT NULL,
  is_public boolean NOT NULL DEFAULT false
);
CREATE INDEX projects_org_id_idx ON public.projects (org_id);
ALTER TABLE public.projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Members manage projects" ON public.projects TO messy_authenticated USING (public.is_member(org_id));
CREATE POLICY "Public projects are viewable by everyone" ON public.projects FOR SELECT
  TO messy_anon, messy_authenticated USING (is_public);

CREATE TABLE public.tasks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  project_id uuid NOT NULL REFERENCES public.projects ON DELETE CASCADE,
  title text NOT NULL
);
ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Org members manage tasks" ON public.tasks TO messy_authenticated USING (org_id = auth.org_id());

CREATE TABLE public.comments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id bigint NOT NULL REFERENCES public.tasks ON DELETE CASCADE,
  author_id uuid NOT NULL DEFAULT auth.uid(),
  body text NOT NULL
);
ALTER TABLE public.comments ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Comments of visible tasks" ON public.comments TO messy_authenticated
  USING (EXISTS (SELECT 1 FROM public.tasks WHERE tasks.id = comments.task_id));

CREATE TABLE public.profiles (id uuid PRIMARY KEY, org_id uuid, email text UNIQUE, avatar_url text);
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Public profiles are viewable by everyone." ON public.profiles FOR SELECT USING (true);
CREATE POLICY "Users can update own profile." ON public.profiles FOR UPDATE USING (id = auth.uid());

CREATE TABLE public.invoices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL,
  amount numeric(12, 2) NOT NULL
);
CREATE INDEX invoices_org_id_amount_idx ON public.invoices (org_id, amount);
ALTER TABLE public.invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Org members read invoices" ON public.invoices FOR SELECT TO messy_authenticated
  USING (((current_setting('request.jwt.claims', true))::json ->> 'org_id')::uuid = org_id);

CREATE TABLE public.documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL,
  title text NOT NULL,
  UNIQUE (org_id, title)
);
ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Org members read documents" ON public.documents FOR SELECT USING (org_id = auth.org_id());
CREATE POLICY "Enable insert for authenticated users only" ON public.documents FOR INSERT TO messy_authenticated
  WITH CHECK (true);
GRANT SELECT ON public.documents TO PUBLIC;

CREATE TABLE public.notifications (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  body text NOT NULL
);
CREATE INDEX notifications_org_id_user_id_idx ON public.notifications (org_id, user_id);
ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Own notifications" ON public.notifications TO messy_authenticated
  USING (org_id = (SELECT auth.org_id()) AND user_id = (SELECT auth.uid()));

-- Made in the table editor, where the switch was overlooked.
CREATE TABLE public.api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id uuid NOT NULL,
  secret_hash text NOT NULL,
  UNIQUE (org_id, secret_hash)
);

-- For the service role alone: no policy.
CREATE TABLE public.stripe_customers (
  org_id uuid PRIMARY KEY REFERENCES public.organizations,
  stripe_id text NOT NULL UNIQUE
);
ALTER TABLE public.stripe_customers ENABLE ROW LEVEL SECURITY;

CREATE VIEW public.project_overview AS
  SELECT p.id, p.org_id, p.name, (SELECT count(*) FROM public.tasks t WHERE t.project_id = p.id) AS tasks
  FROM public.projects p;
CREATE VIEW public.my_tasks WITH (security_invoker = on) AS SELECT * FROM public.tasks;
CREATE MATERIALIZED VIEW public.org_stats AS SELECT org_id, count(*) AS tasks FROM public.tasks GROUP BY org_id;
CREATE VIEW private.revenue AS SELECT org_id, sum(amount) AS total FROM public.invoices GROUP BY org_id;

CREATE FUNCTION public.search_documents(query text) RETURNS SETOF public.documents LANGUAGE sql STABLE SECURITY DEFINER
  AS $$ SELECT * FROM public.documents WHERE title ILIKE '%' || query || '%' $$;
CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
  AS $$ BEGIN INSERT INTO profiles (id) VALUES (NEW.user_id) ON CONFLICT DO NOTHING; RETURN NEW; END $$;
CREATE TRIGGER on_member AFTER INSERT ON public.memberships FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
CREATE FUNCTION public.delete_org(org uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public
  AS $$ DELETE FROM organizations WHERE id = org $$;
REVOKE EXECUTE ON FUNCTION public.delete_org FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.delete_org TO messy_service;

RESET ROLE;
CREATE PUBLICATION supabase_realtime FOR TABLE public.notifications, public.tasks;
