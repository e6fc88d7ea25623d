-- Telemetry of machines: events in partitions and below them, an older archive by inheritance, cold data in files, a feed to
-- the warehouse, three schemas, and names that a C# developer chose.
CREATE ROLE messy_iot_owner;
CREATE ROLE messy_iot_app LOGIN;
CREATE ROLE messy_iot_migrator LOGIN BYPASSRLS;
GRANT messy_iot_owner TO messy_iot_migrator;
CREATE SCHEMA "Telemetry" AUTHORIZATION messy_iot_owner;
CREATE SCHEMA archive AUTHORIZATION messy_iot_owner;
CREATE SCHEMA reports AUTHORIZATION messy_iot_owner;
GRANT CREATE, USAGE ON SCHEMA public TO messy_iot_owner;
GRANT USAGE ON SCHEMA public, "Telemetry", reports TO messy_iot_app;
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
SET ROLE messy_iot_owner;

CREATE TABLE public."Customer" ("Id" uuid PRIMARY KEY, "Name" text NOT NULL UNIQUE);

CREATE TABLE "Telemetry"."Device" (
  "Id" uuid PRIMARY KEY,
  "CustomerId" uuid NOT NULL REFERENCES public."Customer",
  "Serial" text NOT NULL,
  UNIQUE ("CustomerId", "Serial")
);
ALTER TABLE "Telemetry"."Device" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Device"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);

CREATE TABLE "Telemetry"."Event" (
  "Id" uuid NOT NULL,
  "CustomerId" uuid NOT NULL,
  "At" timestamptz NOT NULL,
  "Kind" text NOT NULL,
  PRIMARY KEY ("Id", "CustomerId", "At")
) PARTITION BY RANGE ("At");
CREATE INDEX "Event_CustomerId_At" ON "Telemetry"."Event" ("CustomerId", "At");
ALTER TABLE "Telemetry"."Event" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Event"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);
-- Somebody thought of this one, and of no other.
CREATE TABLE "Telemetry"."Event_2025" PARTITION OF "Telemetry"."Event" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
ALTER TABLE "Telemetry"."Event_2025" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Event_2025"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);
CREATE TABLE "Telemetry"."Event_2026" PARTITION OF "Telemetry"."Event" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
  PARTITION BY LIST ("CustomerId");
CREATE TABLE "Telemetry"."Event_2026_acme" PARTITION OF "Telemetry"."Event_2026"
  FOR VALUES IN ('aaaaaaaa-0000-4000-8000-00000000000a');
CREATE TABLE "Telemetry"."Event_2026_rest" PARTITION OF "Telemetry"."Event_2026" DEFAULT;
CREATE TABLE "Telemetry"."Event_later" PARTITION OF "Telemetry"."Event" DEFAULT;
-- Begun by hand, partition by partition, and never finished.
CREATE INDEX "Event_Kind" ON ONLY "Telemetry"."Event" ("Kind");

-- A partition for each customer.
CREATE TABLE "Telemetry"."Reading" ("Sensor" integer NOT NULL, "CustomerId" uuid NOT NULL, "Value" float8)
  PARTITION BY LIST ("CustomerId");
ALTER TABLE "Telemetry"."Reading" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Reading"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);
CREATE TABLE "Telemetry"."Reading_acme" PARTITION OF "Telemetry"."Reading"
  FOR VALUES IN ('aaaaaaaa-0000-4000-8000-00000000000a');
CREATE UNIQUE INDEX "Reading_acme_Sensor" ON "Telemetry"."Reading_acme" ("Sensor");
ALTER TABLE "Telemetry"."Reading_acme" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Reading_acme"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);

CREATE TABLE "Telemetry"."Log" ("CustomerId" uuid NOT NULL, "At" timestamptz NOT NULL, "Line" text);
CREATE INDEX "Log_brin" ON "Telemetry"."Log" USING brin ("CustomerId", "At");
ALTER TABLE "Telemetry"."Log" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON "Telemetry"."Log"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);

-- From the time before partitions.
CREATE TABLE public.audit ("Id" uuid PRIMARY KEY, "CustomerId" uuid NOT NULL, "What" text);
CREATE INDEX ON public.audit ("CustomerId");
ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Own rows" ON public.audit USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);
CREATE TABLE public.audit_2024 () INHERITS (public.audit);

CREATE TABLE public."order" (
  "Id" uuid PRIMARY KEY,
  "CustomerId" uuid NOT NULL,
  "DeviceId" uuid REFERENCES "Telemetry"."Device" ("Id"),
  "Größe" numeric NOT NULL
);
CREATE INDEX "Order nach ""Größe""" ON public."order" ("CustomerId", "Größe");
ALTER TABLE public."order" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Nur eigene" ON public."order"
  USING ("CustomerId" = nullif(current_setting('app.customer', true), '')::uuid);
CREATE TABLE public."order item" (
  "OrderId" uuid NOT NULL REFERENCES public."order" ON DELETE CASCADE,
  "No" integer NOT NULL,
  PRIMARY KEY ("OrderId", "No")
);
ALTER TABLE public."order item" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "Wie die Bestellung" ON public."order item"
  USING (EXISTS (SELECT FROM public."order" o WHERE o."Id" = "OrderId"));

-- Detached from Event. The service has no way in.
CREATE TABLE archive."Event_2023" (LIKE "Telemetry"."Event");
CREATE INDEX ON archive."Event_2023" ("CustomerId");
-- The service reads it for the annual report.
CREATE TABLE reports."Event_2024" (LIKE "Telemetry"."Event");
CREATE INDEX ON reports."Event_2024" ("CustomerId");

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, "Telemetry" TO messy_iot_app;
GRANT SELECT ON ALL TABLES IN SCHEMA reports TO messy_iot_app;
REVOKE ALL ON "Telemetry"."Event_later" FROM messy_iot_app;

RESET ROLE;
SET ROLE messy_iot_migrator;
-- Not granted: the service reads it through a view that asks whose it is.
CREATE MATERIALIZED VIEW reports."DailyTotal" AS
  SELECT "CustomerId", "At"::date AS "Day", count(*) AS "Events" FROM "Telemetry"."Event" GROUP BY 1, 2;
CREATE VIEW reports."MyDailyTotal" AS
  SELECT * FROM reports."DailyTotal" WHERE "CustomerId" = nullif(current_setting('app.customer', true), '')::uuid;
GRANT SELECT ON reports."MyDailyTotal" TO messy_iot_app;
RESET ROLE;

CREATE EXTENSION file_fdw;
CREATE SERVER "Cold files" FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE "Telemetry"."ColdEvent" ("Id" uuid, "CustomerId" uuid, "At" timestamptz)
  SERVER "Cold files" OPTIONS (filename '/srv/cold/events.csv', format 'csv');
GRANT SELECT ON "Telemetry"."ColdEvent" TO messy_iot_app;

CREATE PUBLICATION "to warehouse" FOR TABLE "Telemetry"."Event",
  public."order" WHERE ("CustomerId" = 'aaaaaaaa-0000-4000-8000-00000000000a');
CREATE PUBLICATION "for acme" FOR TABLE "Telemetry"."Device" WHERE ("CustomerId" = 'aaaaaaaa-0000-4000-8000-00000000000a');
CREATE PUBLICATION archive_copy FOR TABLES IN SCHEMA archive;
