package server_test

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// recording is an engine that keeps what it was asked and answers with every field of its answers filled in, or fails as it
// is told to: the real one cannot be made to report each code, to panic, or to use every field at once.
type recording struct {
	mu    sync.Mutex
	asked []asked
	fail  error  // what every method returns, when set
	panic any    // what every method panics with, when set
	block func() // called by every method, when set

	written delivery.LedgerPosition // of the process, whatever is asked
}

type asked struct {
	method string
	args   []any
}

func (e *recording) last() asked {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.asked) == 0 {
		return asked{}
	}
	return e.asked[len(e.asked)-1]
}

func (e *recording) record(method string, args ...any) error {
	e.mu.Lock()
	e.asked = append(e.asked, asked{method, args})
	e.mu.Unlock()
	if e.block != nil {
		e.block()
	}
	if e.panic != nil {
		panic(e.panic)
	}
	return e.fail
}

func reply[T any](e *recording, method string, args ...any) (T, error) {
	if err := e.record(method, args...); err != nil {
		var none T
		return none, err
	}
	return filled[T](), nil
}

func (e *recording) Environment(_ context.Context, name string) (delivery.Environment, error) {
	return reply[delivery.Environment](e, "Environment", name)
}

func (e *recording) Environments(context.Context) ([]delivery.Environment, error) {
	return reply[[]delivery.Environment](e, "Environments")
}

func (e *recording) PutEnvironment(_ context.Context, actor string, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	return reply[delivery.Environment](e, "PutEnvironment", actor, spec)
}

func (e *recording) DeleteEnvironment(_ context.Context, actor, name string) error {
	return e.record("DeleteEnvironment", actor, name)
}

func (e *recording) Pipeline(_ context.Context, name string) (delivery.Pipeline, error) {
	return reply[delivery.Pipeline](e, "Pipeline", name)
}

func (e *recording) Pipelines(context.Context) ([]delivery.Pipeline, error) {
	return reply[[]delivery.Pipeline](e, "Pipelines")
}

func (e *recording) PutPipeline(_ context.Context, actor string, spec delivery.PipelineSpec) (delivery.Pipeline, error) {
	return reply[delivery.Pipeline](e, "PutPipeline", actor, spec)
}

func (e *recording) DeletePipeline(_ context.Context, actor, name string) error {
	return e.record("DeletePipeline", actor, name)
}

func (e *recording) Release(_ context.Context, pipeline, version string) (delivery.ReleaseState, error) {
	return reply[delivery.ReleaseState](e, "Release", pipeline, version)
}

func (e *recording) PutRelease(_ context.Context, actor string, r delivery.ReleaseRequest) (delivery.ReleaseState, error) {
	return reply[delivery.ReleaseState](e, "PutRelease", actor, r)
}

func (e *recording) DeleteRelease(_ context.Context, actor, pipeline, version string) error {
	return e.record("DeleteRelease", actor, pipeline, version)
}

func (e *recording) WaitRelease(_ context.Context, pipeline, version string, d time.Duration) (delivery.ReleaseState, error) {
	return reply[delivery.ReleaseState](e, "WaitRelease", pipeline, version, d)
}

func (e *recording) Promotion(_ context.Context, pipeline, stage string) (delivery.PromotionState, error) {
	return reply[delivery.PromotionState](e, "Promotion", pipeline, stage)
}

func (e *recording) PutPromotion(_ context.Context, actor string, spec delivery.PromotionSpec) (delivery.PromotionState, error) {
	return reply[delivery.PromotionState](e, "PutPromotion", actor, spec)
}

func (e *recording) DeletePromotion(_ context.Context, actor, pipeline, stage string) error {
	return e.record("DeletePromotion", actor, pipeline, stage)
}

func (e *recording) WaitPromotion(_ context.Context, pipeline, stage, version string, d time.Duration) (delivery.PromotionState, error) {
	return reply[delivery.PromotionState](e, "WaitPromotion", pipeline, stage, version, d)
}

func (e *recording) Verification(_ context.Context, spec delivery.VerificationSpec) (delivery.VerificationState, error) {
	return reply[delivery.VerificationState](e, "Verification", spec)
}

func (e *recording) PutVerification(_ context.Context, actor string, r delivery.VerificationRequest) (delivery.VerificationState, error) {
	return reply[delivery.VerificationState](e, "PutVerification", actor, r)
}

func (e *recording) WaitVerification(_ context.Context, spec delivery.VerificationSpec, d time.Duration) (delivery.VerificationState, error) {
	return reply[delivery.VerificationState](e, "WaitVerification", spec, d)
}

func (e *recording) Cancel(_ context.Context, pipeline, stage string) error {
	return e.record("Cancel", pipeline, stage)
}

func (e *recording) Approval(_ context.Context, id string) (delivery.Approval, error) {
	return reply[delivery.Approval](e, "Approval", id)
}

func (e *recording) AddApproval(_ context.Context, actor string, spec delivery.ApprovalSpec) (delivery.Approval, error) {
	return reply[delivery.Approval](e, "AddApproval", actor, spec)
}

func (e *recording) RevokeApproval(_ context.Context, actor, id string) error {
	return e.record("RevokeApproval", actor, id)
}

func (e *recording) Deployed(_ context.Context, pipeline, environment string) (delivery.Deployed, error) {
	return reply[delivery.Deployed](e, "Deployed", pipeline, environment)
}

func (e *recording) Deployments(_ context.Context, f store.DeploymentFilter) ([]delivery.Deployment, error) {
	return reply[[]delivery.Deployment](e, "Deployments", f)
}

func (e *recording) Refresh(_ context.Context, actor string, r delivery.RefreshRequest) ([]delivery.PipelineState, error) {
	return reply[[]delivery.PipelineState](e, "Refresh", actor, r)
}

func (e *recording) Parity(_ context.Context, q delivery.ParityQuery) (delivery.ParityResult, error) {
	return reply[delivery.ParityResult](e, "Parity", q)
}

func (e *recording) Readiness(_ context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error) {
	return reply[delivery.Readiness](e, "Readiness", pipeline, version, stage, at)
}

func (e *recording) Events(_ context.Context, after int64, limit int) ([]delivery.Event, error) {
	return reply[[]delivery.Event](e, "Events", after, limit)
}

// filled returns a value with something in every field that is sent, so that a field which is lost on the way, or refused, is
// noticed from the day it is added.
func filled[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), "x")
	return v
}

func fill(v reflect.Value, name string) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2027, 6, 30, 12, 0, 1, 234567000, time.UTC)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"some":["data",1,null]}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("<" + name + "> \"&\" ä/%2F")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)) + 3)
	case reflect.Float64:
		v.SetFloat(2.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), name)
		fill(v.Index(1), name+"2")
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, name)
		fill(value, name)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.Tag.Get("json") != "-" {
				fill(v.Field(i), field.Name)
			}
		}
	default:
		panic("a kind of field that is new here: " + v.Type().String())
	}
}

func (e *recording) PutReleaseAndWait(_ context.Context, actor string, r delivery.ReleaseRequest, d time.Duration) (delivery.ReleaseState, error) {
	return reply[delivery.ReleaseState](e, "PutReleaseAndWait", actor, r, d)
}

func (e *recording) PutPromotionAndWait(_ context.Context, actor string, spec delivery.PromotionSpec, d time.Duration) (delivery.PromotionState, error) {
	return reply[delivery.PromotionState](e, "PutPromotionAndWait", actor, spec, d)
}

func (e *recording) PutVerificationAndWait(_ context.Context, actor string, r delivery.VerificationRequest, d time.Duration) (delivery.VerificationState, error) {
	return reply[delivery.VerificationState](e, "PutVerificationAndWait", actor, r, d)
}

func (e *recording) Ledger(_ context.Context, event int64) (delivery.LedgerPage, error) {
	return reply[delivery.LedgerPage](e, "Ledger", event)
}

// Written is not asked by a request: every answer has it.
func (e *recording) Written() delivery.LedgerPosition { return e.written }
