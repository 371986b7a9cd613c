{{/* The template of a pod, for either kind. */}}
{{- define "gw.pod" -}}
metadata:
  annotations:
    # A change of the configuration takes a restart.
    checksum/config: {{ include "gw.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "gw.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "gw.fullname" . }}
  automountServiceAccountToken: false
  # Links would be variables with names like those of the configuration.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  # The sleep; clients, associations and what a C-MOVE still brings, one after the other; then what is cached goes to disk.
  terminationGracePeriodSeconds: {{ add .Values.drain.preStopSeconds (mul 3 (int .Values.drain.seconds)) 15 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "gw.selector" . | nindent 10 }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "gw.selector" . | nindent 10 }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{- include "gw.container" . | nindent 6 }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap: { name: {{ include "gw.fullname" . }} }
    {{- include "gw.cacheVolume" . | nindent 4 }}
    {{- range $index, $secret := .Values.secretFiles }}
    - name: secret-{{ $index }}
      secret: { secretName: {{ $secret.name }}, defaultMode: 0440 }
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "gw.cacheVolume" -}}
{{- if eq .Values.cache.kind "emptyDir" -}}
- name: cache
  emptyDir: { sizeLimit: {{ .Values.cache.size }} }
{{- else if eq .Values.cache.kind "ephemeral" -}}
- name: cache
  ephemeral:
    volumeClaimTemplate:
      spec: {{- include "gw.claimSpec" . | nindent 8 }}
{{- end -}}
{{- end -}}

{{- define "gw.claimSpec" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.cache.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests: { storage: {{ .Values.cache.size }} }
{{- end -}}
