-- Written by tenancy doctor: what can be mended without a decision. Read it before you apply it.

-- tenant-index-missing: "public"."projects"
CREATE INDEX "projects_tenant_id_idx" ON "public"."projects" ("tenant_id");

-- rls-disabled: "public"."invoices"
ALTER TABLE "public"."invoices" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "public"."invoices" FORCE ROW LEVEL SECURITY;

-- rls-disabled: "public"."payments"
ALTER TABLE "public"."payments" ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE "public"."payments" FORCE ROW LEVEL SECURITY;

-- Nothing below is run: a person has to decide.
--
-- unique-without-tenant: "public"."projects_slug_key"
--   Are slugs unique within a tenant, or everywhere, as in a URL? Within: put tenant_id in front.
--
-- policy-widened: "support" on "public"."projects"
--   Find out who uses the policy. If it is a support tool, give it a role with BYPASSRLS and drop the policy.
--   DROP POLICY "support" ON "public"."projects";
