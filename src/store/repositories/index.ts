import type pg from 'pg';
import type { Repositories } from '../../rest/ports.ts';
import type { PrismaClient } from '../prisma.ts';
import { createModelRegistry } from '../model-registry.ts';
import { createAlarmSettingsRepository } from './alarm-settings.ts';
import { createAlertFiguresRepository } from './alert-figures.ts';
import { createAlertRepository } from './alerts.ts';
import { createApiKeyRepository } from './api-keys.ts';
import { createAthleteRepository } from './athletes.ts';
import { createAuditRepository } from './audit.ts';
import { createDeviceRepository } from './devices.ts';
import { createDiaryRepository } from './diary.ts';
import { createFeedbackRepository } from './feedback.ts';
import { createTodayRepository } from './today.ts';
import { createExplanationRepository } from './explanations.ts';
import { createGatewayRepository } from './gateways.ts';
import { createInjuryFiguresRepository } from './injury-figures.ts';
import { createLimitsRepository } from './limits.ts';
import { createHazardRepository } from './hazard.ts';
import { createLoadRepository } from './load.ts';
import { createLoadCeilingRepository } from './load-ceilings.ts';
import { createMedicalRepository } from './medical.ts';
import { createMetricRepository } from './metrics.ts';
import { createPlanRepository } from './plans.ts';
import { createCatalogueRepository, createPlanSettingsRepository } from './plan-settings.ts';
import { createNoticeRepository } from './notices.ts';
import { createRecommendationRepository } from './recommendations.ts';
import { createScoreRepository } from './scores.ts';
import { createSessionRepository } from './sessions.ts';
import { createTeamRepository } from './teams.ts';
import { createWebhookRepository } from './webhooks.ts';

/** The coaches' API over the store: the control plane through Prisma, scores and streams through pg. The caller closes both. */
export function createRepositories(prisma: PrismaClient, pool: pg.Pool): Repositories {
  return {
    apiKeys: createApiKeyRepository(prisma),
    teams: createTeamRepository(prisma),
    athletes: createAthleteRepository(prisma),
    scores: createScoreRepository(pool),
    metrics: createMetricRepository(prisma, pool),
    explanations: createExplanationRepository(pool),
    load: createLoadRepository(prisma),
    loadCeilings: createLoadCeilingRepository(prisma),
    limits: createLimitsRepository(pool),
    diary: createDiaryRepository(prisma, pool),
    injuryFigures: createInjuryFiguresRepository(pool),
    hazard: createHazardRepository(pool),
    feedback: createFeedbackRepository(prisma, pool),
    today: createTodayRepository(pool),
    recommendations: createRecommendationRepository(prisma),
    catalogue: createCatalogueRepository(pool),
    planSettings: createPlanSettingsRepository(pool),
    plans: createPlanRepository(pool),
    medical: createMedicalRepository(prisma, pool),
    sessions: createSessionRepository(prisma),
    alerts: createAlertRepository(prisma, pool),
    alarmSettings: createAlarmSettingsRepository(prisma, pool),
    notices: createNoticeRepository(prisma),
    alertFigures: createAlertFiguresRepository(prisma),
    webhooks: createWebhookRepository(prisma),
    gateways: createGatewayRepository(prisma, pool),
    devices: createDeviceRepository(prisma),
    models: createModelRegistry(pool),
    audit: createAuditRepository(prisma),
  };
}
